import { z } from 'zod'
import { Address, type Labels, LabelsField, list, Metadata, Name, Port } from './metadata.ts'

export interface DeclaredService {
  namespace: string
  name: string
  labels: Labels
  /** Empty where the endpoints are kept by hand. */
  selector: Labels
  clusterAddresses: readonly string[]
  ports: readonly { port: number; targetPort: number | string; name: string }[]
}

const ClusterAddress = z.literal(['', 'None']).or(Address)

export const ServiceObject = z
  .object({
    metadata: Metadata,
    spec: z.object({
      clusterIP: ClusterAddress.nullish(),
      clusterIPs: list(ClusterAddress),
      selector: LabelsField,
      ports: list(z.object({ port: Port, targetPort: Port.or(Name).nullish(), name: z.string().max(63).nullish() })),
    }),
  })
  .transform(
    ({ metadata: { namespace, name, labels }, spec }): DeclaredService => ({
      namespace,
      name,
      labels,
      selector: spec.selector,
      clusterAddresses: [...new Set([spec.clusterIP ?? '', ...spec.clusterIPs])].filter(
        (ip) => ip !== '' && ip !== 'None',
      ),
      ports: spec.ports.map(({ port, targetPort, name }) => ({
        port,
        targetPort: targetPort ?? port,
        name: name ?? '',
      })),
    }),
  )
