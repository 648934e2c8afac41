/** Which addresses serve a service: EndpointSlices, and the Endpoints that older clusters have in their place. */
import { z } from 'zod'
import { Address, list, Metadata, Port } from './metadata.ts'

export interface DeclaredEndpoints {
  namespace: string
  name: string
  /** Name of the service, in the same namespace; '' where it serves none. */
  service: string
  addresses: readonly string[]
  ports: readonly number[]
}

const Ports = list(z.object({ port: Port.nullish() })).transform((ports) => ports.flatMap(({ port }) => port ?? []))

export const EndpointSliceObject = z
  .object({
    metadata: Metadata,
    addressType: z.string().max(63),
    endpoints: list(z.object({ addresses: list(z.string().max(253)) })),
    ports: Ports,
  })
  .transform(
    ({ metadata: { namespace, name, labels }, addressType, endpoints, ports }): DeclaredEndpoints => ({
      namespace,
      name,
      service: labels['kubernetes.io/service-name'] ?? '',
      addresses:
        addressType === 'FQDN' ? [] : endpoints.flatMap(({ addresses }) => addresses.map((a) => a.toLowerCase())),
      ports,
    }),
  )

/** Subsets with other ports come as one list of addresses by port: the union answers for both where they do not overlap. */
export const EndpointsObject = z
  .object({
    metadata: Metadata,
    subsets: list(z.object({ addresses: list(z.object({ ip: Address })), ports: Ports })),
  })
  .transform(
    ({ metadata: { namespace, name }, subsets }): DeclaredEndpoints => ({
      namespace,
      name,
      service: name,
      addresses: subsets.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
      ports: subsets.flatMap(({ ports }) => ports),
    }),
  )
