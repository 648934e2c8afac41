/**
 * Which policies are enforced for a workload, and by which proxy. A sidecar enforces what selects its pod, and ignores
 * `targetRefs`; in ambient mode the node proxy enforces what selects the pod, for connections, and a waypoint, where one is
 * used, what targets the service or the waypoint (Istio pilot/pkg/model/policyattachment.go). A pod without any proxy is judged
 * as if it had a sidecar: by what was declared for it.
 */
import { type Labels, selects } from '../kubernetes/metadata.ts'
import { type Candidate, type CompiledPolicy, compilePolicy, type Enforcement, enforcement } from './authorization.ts'
import type { AuthorizationPolicy } from './authorization-policy.ts'
import type { TrustDomains } from './principals.ts'

export interface EnforcedWorkload {
  namespace: string
  workload: string
  labels: Labels
  ambient: boolean
}

export interface EnforcedService {
  namespace: string
  name: string
  labels: Labels
}

const GATEWAY = 'gateway.networking.k8s.io/gateway-name'
const WAYPOINT = 'istio.io/use-waypoint'
const WAYPOINT_NAMESPACE = 'istio.io/use-waypoint-namespace'
const NOT_DECLARED = 'no workload of the destination is declared'

interface Waypoint {
  name: string
  namespace: string
}

export class Enforcements {
  readonly #byNamespace = new Map<string, CompiledPolicy[]>()
  readonly #rootNamespace: string
  readonly #namespaceLabels: ReadonlyMap<string, Labels>

  constructor(
    declared: readonly AuthorizationPolicy[],
    settings: TrustDomains & { rootNamespace: string },
    namespaceLabels: ReadonlyMap<string, Labels>,
  ) {
    this.#rootNamespace = settings.rootNamespace
    this.#namespaceLabels = namespaceLabels
    // Sorted, so that of several policies that match the same one is always named.
    const sorted = [...declared].sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1))
    for (const policy of sorted) {
      if (policy.dryRun || policy.action === 'AUDIT') continue
      const before = this.#byNamespace.get(policy.namespace)
      if (before === undefined) this.#byNamespace.set(policy.namespace, [compilePolicy(policy, settings)])
      else before.push(compilePolicy(policy, settings))
    }
  }

  /** `service` is the one that was called, where known: a waypoint's policies depend on it. */
  ofWorkload(workload: EnforcedWorkload, service: EnforcedService | undefined): Enforcement[] {
    const { namespace, labels, ambient } = workload
    const subject = `${namespace}/${workload.workload}`
    const gateway = labels[GATEWAY]
    const selected = this.#within(namespace).filter(({ declared }) =>
      declared.targets.length === 0
        ? selects(declared.selector, labels)
        : declared.targets.some(
            (target) => target.kind === 'Gateway' && target.name === gateway && target.namespace === namespace,
          ),
    )
    const candidates = selected.map((policy): Candidate => ({ policy, applies: true }))
    const seen = { connectionsOnly: false, callerHidden: false, subject }
    if (!ambient) return [enforcement(candidates, seen)]
    const waypoint = this.#waypointOf(namespace, service)
    const atNode = enforcement(candidates, { ...seen, connectionsOnly: true, callerHidden: waypoint !== undefined })
    return waypoint === undefined ? [atNode] : [atNode, this.#atWaypoint(waypoint, namespace, service)]
  }

  /** For a destination of which only the namespace is known: whether a selector applies is not. */
  ofNamespace(namespace: string, service: EnforcedService | undefined): Enforcement[] {
    const candidates = this.#within(namespace).flatMap(({ ...policy }): Candidate[] => {
      const { selector, targets } = policy.declared
      if (targets.length === 0) return [{ policy, applies: Object.keys(selector).length === 0 || NOT_DECLARED }]
      const other = targets.every(
        ({ kind, name }) => kind === 'Service' && service !== undefined && name !== service.name,
      )
      return other ? [] : [{ policy, applies: NOT_DECLARED }]
    })
    const subject = service === undefined ? namespace : `${namespace}/${service.name}`
    return [enforcement(candidates, { connectionsOnly: false, callerHidden: false, subject })]
  }

  #within(namespace: string): readonly CompiledPolicy[] {
    const root = this.#byNamespace.get(this.#rootNamespace) ?? []
    return namespace === this.#rootNamespace ? root : [...root, ...(this.#byNamespace.get(namespace) ?? [])]
  }

  #waypointOf(namespace: string, service: EnforcedService | undefined): Waypoint | undefined {
    const own = service?.labels ?? {}
    const labels =
      own[WAYPOINT] === undefined ? (this.#namespaceLabels.get(service?.namespace ?? namespace) ?? {}) : own
    const name = labels[WAYPOINT]
    if (name === undefined || name === 'none') return undefined
    return { name, namespace: labels[WAYPOINT_NAMESPACE] ?? service?.namespace ?? namespace }
  }

  #atWaypoint(waypoint: Waypoint, workloadNamespace: string, service: EnforcedService | undefined): Enforcement {
    const namespace = service?.namespace ?? workloadNamespace
    const near = new Set([...this.#within(namespace), ...this.#within(waypoint.namespace)])
    const candidates = [...near].flatMap((policy): Candidate[] => {
      const applies = policy.declared.targets.map((target): boolean | string => {
        if (target.kind === 'GatewayClass') return policy.declared.namespace === this.#rootNamespace
        if (target.kind === 'Gateway') return target.name === waypoint.name && target.namespace === waypoint.namespace
        if (target.kind !== 'Service' || target.namespace !== namespace) return false
        return service === undefined ? 'the record does not tell the service' : target.name === service.name
      })
      const certain = applies.includes(true) ? true : applies.find((each) => each !== false)
      return certain === undefined ? [] : [{ policy, applies: certain as true | string }]
    })
    const subject = `${namespace}/${service?.name ?? waypoint.name}`
    return enforcement(candidates, { connectionsOnly: false, callerHidden: false, subject })
  }
}
