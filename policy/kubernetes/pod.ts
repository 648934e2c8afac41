/** Pods: who runs where, under which account and owner, and with which proxy. */
import { z } from 'zod'
import { Address, type Labels, list, Metadata, Name } from './metadata.ts'

export interface DeclaredPod {
  namespace: string
  name: string
  labels: Labels
  workload: string
  serviceAccount: string
  node: string
  addresses: readonly string[]
  /** Its addresses are its node's: shared with other pods, and with the kubelet that probes from there. */
  hostNetwork: boolean
  /** Its containers have ended: the addresses may already be another pod's. */
  completed: boolean
  sidecar: boolean
  /** Enrolled in ambient mode by its own label or annotation; undefined where only its namespace tells. */
  ambient: boolean | undefined
}

const Container = z.object({ name: z.string().max(253) })

export const PodObject = z
  .object({
    metadata: Metadata.extend({
      ownerReferences: list(z.object({ kind: Name, name: Name, controller: z.boolean().nullish() })),
    }),
    spec: z.object({
      serviceAccountName: z.string().max(253).nullish(),
      nodeName: z.string().max(253).nullish(),
      hostNetwork: z.boolean().nullish(),
      containers: list(Container),
      initContainers: list(Container),
    }),
    status: z
      .object({
        phase: z.string().max(63).nullish(),
        podIP: z.literal('').or(Address).nullish(),
        podIPs: list(z.object({ ip: Address })),
      })
      .nullish(),
  })
  .transform(({ metadata, spec, status }): DeclaredPod => {
    const { namespace, name, labels, annotations } = metadata
    const first = status?.podIP ? [status.podIP] : []
    const owner = metadata.ownerReferences.find(({ controller }) => controller === true) ?? metadata.ownerReferences[0]
    return {
      namespace,
      name,
      labels,
      workload: owner === undefined ? name : ownerName(owner, labels),
      serviceAccount: spec.serviceAccountName || 'default',
      node: spec.nodeName ?? '',
      addresses: [...new Set([...first, ...(status?.podIPs ?? []).map(({ ip }) => ip)])],
      hostNetwork: spec.hostNetwork === true,
      completed: status?.phase === 'Succeeded' || status?.phase === 'Failed',
      // A native sidecar is an init container.
      sidecar:
        [...spec.containers, ...spec.initContainers].some((container) => container.name === 'istio-proxy') ||
        annotations['sidecar.istio.io/status'] !== undefined,
      ambient: ambientOf(labels['istio.io/dataplane-mode'], annotations['ambient.istio.io/redirection']),
    }
  })

function ambientOf(mode: string | undefined, redirection: string | undefined): boolean | undefined {
  if (redirection === 'enabled' || mode === 'ambient') return true
  return mode === undefined ? undefined : false
}

/** Hashes are decimal numbers written in ten safe characters (kubernetes apimachinery, rand.SafeEncodeString). */
const TEMPLATE_HASH = /-[4-9bcdf]{4,10}$/
/** A CronJob names its jobs by the minute they were due. */
const SCHEDULED = /-\d{8,10}$/

/** The Deployment behind a ReplicaSet, the CronJob behind a Job; any other owner is the workload itself. */
function ownerName({ kind, name }: { kind: string; name: string }, labels: Labels): string {
  if (kind === 'Job') return name.replace(SCHEDULED, '')
  if (kind !== 'ReplicaSet') return name
  const hash = labels['pod-template-hash']
  if (hash === undefined) return name.replace(TEMPLATE_HASH, '')
  return name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name
}
