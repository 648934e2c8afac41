/**
 * What the declared world says: which workloads live where (inventory) and which calls are authorised (graph). A snapshot is
 * immutable and holds no clock; the collector writes its verdict into each call, so that detection depends on the log alone.
 */
import type { Decision } from '../core/call.ts'

/** A pod, or another thing with an address, as declared. */
export interface Workload {
  pod: string
  namespace: string
  /** Name of the owning workload (Deployment, StatefulSet ...), else the pod's name. */
  workload: string
  serviceAccount: string
  /** Canonical identity its certificate should carry. */
  identity: string
  labels: Readonly<Record<string, string>>
  node: string
  addresses: readonly string[]
  /** True where it has a sidecar or is enrolled in the mesh. */
  meshed: boolean
}

/** A declared service: `name.namespace`. */
export interface Service {
  name: string
  namespace: string
  /** Canonical name, `name.namespace`. */
  canonical: string
  clusterAddresses: readonly string[]
  ports: readonly { port: number; targetPort: number | string; name: string }[]
}

export interface Inventory {
  /** False where nothing was declared: then absence means nothing. */
  readonly known: boolean
  workloadAt(address: string): Workload | undefined
  /** The service a host name, cluster address or endpoint address (with port) belongs to; undefined where none or several. */
  serviceByHost(host: string): Service | undefined
  serviceByEndpoint(address: string, port: number): Service | undefined
  /** Workloads behind a service. */
  workloadsOf(service: Service): readonly Workload[]
  /** True where some declared workload, or a declared service account, carries this canonical identity. */
  hasIdentity(identity: string): boolean
}

/** One call to decide. Absent texts are ''. */
export interface AccessQuery {
  /** Canonical identity, mTLS-verified; '' for a plaintext caller. */
  sourceIdentity: string
  /** False where the record does not tell who called (no TLS fields at all): then '' is not a plaintext caller. Default true. */
  sourceKnown?: boolean
  sourceAddress: string
  destinationNamespace: string
  /** Labels and ports come from here; '' where unknown. */
  destinationAddress: string
  destinationService: string
  destinationPort: number
  http: boolean
  method: string
  path: string
  host: string
  sni: string
}

export interface Verdict {
  decision: Decision
  /** The deciding policy as `namespace/name` (or `default`), then why: `shop/deny-x rule 0`, `no ALLOW policy of shop/cart matches`, `unknown: header condition`. */
  reason: string
}

export type DecideByPath = (path: string) => Verdict

export interface PolicySnapshot {
  /** Hash of the declared objects. */
  readonly version: string
  readonly inventory: Inventory
  decide(query: AccessQuery): Verdict
  /** As `decide` of queries that differ from this one in their path alone, at less cost for each. */
  decideByPath(query: AccessQuery): DecideByPath
  /** True where a plaintext call to this workload port is refused (PeerAuthentication STRICT); undefined where unknown. */
  strictMtls(address: string, port: number): boolean | undefined
}
