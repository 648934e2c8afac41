/**
 * `Call`: one request or connection as one reporter saw it. The word every part speaks.
 *
 * Flat and monomorphic, because it is the hot path; an absent text is '', an absent number 0 (or -1 where 0 means something).
 * Times are epoch microseconds (exact in a double until 2255). Names are canonical: identities as core/identity.ts, services
 * as `name.namespace`, addresses without port.
 */

export type Reporter = 'source' | 'destination' | 'waypoint' | 'app'
export type Outcome = 'ok' | 'client_error' | 'server_error' | 'denied' | 'tls_failure' | 'connect_failure'
export type Origin = 'none' | 'record' | 'inventory' | 'learned'
export type Trust = 'verified' | 'claimed'
export type Decision = 'allowed' | 'denied' | 'unknown'
export type TlsState = 'mutual' | 'server' | 'plaintext' | 'unknown'
export type DenialKind = '' | 'rbac' | 'network_rbac' | 'ext_authz' | 'jwt' | 'intention'
export type TlsFailure =
  | ''
  | 'missing_client_cert'
  | 'expired'
  | 'not_yet_valid'
  | 'unknown_ca'
  | 'san_mismatch'
  | 'revoked'
  | 'pin_mismatch'
  | 'cert_invalid'
  | 'cert_verify_failed_unspecified'
  | 'plaintext_peer'
  | 'plaintext_to_tls'
  | 'plaintext_to_strict'
  | 'protocol_version'
  | 'protocol_params'
  | 'sni_mismatch'
  | 'local_cert_unavailable'
  | 'handshake_timeout'
  | 'tls_other'

export interface Call {
  /** `request`: counts as a call. `connection`: a listener's record of one connection, counts as a handshake, never as a call. */
  kind: 'request' | 'connection'
  reporter: Reporter
  reporterPod: string

  sourceIdentity: string
  sourceIdentityOrigin: Origin
  sourceService: string
  sourceServiceOrigin: Origin
  sourceWorkload: string
  sourceWorkloadOrigin: Origin
  sourceNamespace: string
  sourceCluster: string
  sourceAddress: string
  sourcePort: number
  /** The identity that the inventory says lives at `sourceAddress`; '' where it does not know the address. */
  sourceAddressIdentity: string

  destinationIdentity: string
  destinationIdentityOrigin: Origin
  /** Partition key. Origin `record` or `inventory` only, never learned, so that every collector names it alike. */
  destinationService: string
  destinationServiceOrigin: Origin
  destinationWorkload: string
  destinationWorkloadOrigin: Origin
  destinationNamespace: string
  destinationCluster: string
  destinationAddress: string
  destinationPort: number

  sni: string
  authority: string
  protocol: '' | 'http' | 'grpc' | 'tcp'
  method: string
  /** Without query string, redacted. */
  path: string
  /** Route template of `path`: a stateless function of it. */
  route: string
  /** HTTP status, 0 where there is none. */
  status: number
  /** gRPC status, -1 where there is none. */
  grpcStatus: number
  outcome: Outcome

  denialKind: DenialKind
  denialPolicy: string
  denialRule: string

  tlsState: TlsState
  tlsVersion: string
  tlsFailure: TlsFailure
  /** Which end refused the handshake. The fault is in the other end's certificate or parameters. */
  tlsRejectedBy: '' | 'source' | 'destination'
  tlsPeerSerial: string
  tlsPeerIssuer: string
  /** 0 where unknown. */
  tlsPeerNotAfter: number
  /** What the proxy said of the failure, shortened; hostile text. */
  tlsDetail: string

  /** What the declared policy says of this call, and why. */
  decision: Decision
  decisionReason: string

  start: number
  /** start + duration: a call is judged at its end. */
  end: number
  durationUs: number
  /** 1 where the duration is known to the microsecond, 1000 where to the millisecond. */
  durationStepUs: number
  bytesReceived: number
  bytesSent: number
  /** Upstream attempts the reporter made; 0 where it does not tell. Only 1 may be joined for the gap. */
  attempts: number
  /** How many calls the record stands for. */
  weight: number

  requestId: string
  traceId: string
  spanId: string
  responseFlags: string
  /** Which reader understood the record, for `doctor`. */
  format: string

  /** The OTLP connection's verified peer, or its address. */
  sender: string
  trust: Trust
  /** When the collector had it. */
  received: number
  /** True where the record came so long after its end that its window may have closed. */
  late: boolean
}

/** How a column is held in a block and in ClickHouse. */
export type ColumnKind =
  | 'low' // LowCardinality(String): dictionary-coded
  | 'text' // String
  | 'time' // DateTime64(6, 'UTC')
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64' // up to 2^53
  | 'i16'
  | 'bool'

/** Column order of a block, version 1 (docs/block-format.md). Appending is a new version; nothing is ever reordered. */
export const CALL_COLUMNS = {
  kind: 'low',
  reporter: 'low',
  reporterPod: 'low',
  sourceIdentity: 'low',
  sourceIdentityOrigin: 'low',
  sourceService: 'low',
  sourceServiceOrigin: 'low',
  sourceWorkload: 'low',
  sourceWorkloadOrigin: 'low',
  sourceNamespace: 'low',
  sourceCluster: 'low',
  sourceAddress: 'low',
  sourcePort: 'u16',
  sourceAddressIdentity: 'low',
  destinationIdentity: 'low',
  destinationIdentityOrigin: 'low',
  destinationService: 'low',
  destinationServiceOrigin: 'low',
  destinationWorkload: 'low',
  destinationWorkloadOrigin: 'low',
  destinationNamespace: 'low',
  destinationCluster: 'low',
  destinationAddress: 'low',
  destinationPort: 'u16',
  sni: 'low',
  authority: 'low',
  protocol: 'low',
  method: 'low',
  path: 'text',
  route: 'low',
  status: 'u16',
  grpcStatus: 'i16',
  outcome: 'low',
  denialKind: 'low',
  denialPolicy: 'low',
  denialRule: 'low',
  tlsState: 'low',
  tlsVersion: 'low',
  tlsFailure: 'low',
  tlsRejectedBy: 'low',
  tlsPeerSerial: 'low',
  tlsPeerIssuer: 'low',
  tlsPeerNotAfter: 'time',
  tlsDetail: 'low',
  decision: 'low',
  decisionReason: 'low',
  start: 'time',
  end: 'time',
  durationUs: 'u64',
  durationStepUs: 'u16',
  bytesReceived: 'u64',
  bytesSent: 'u64',
  attempts: 'u16',
  weight: 'u32',
  requestId: 'text',
  traceId: 'text',
  spanId: 'text',
  responseFlags: 'low',
  format: 'low',
  sender: 'low',
  trust: 'low',
  received: 'time',
  late: 'bool',
} as const satisfies Record<keyof Call, ColumnKind>

export type CallColumn = keyof typeof CALL_COLUMNS
export const CALL_COLUMN_NAMES = Object.keys(CALL_COLUMNS) as CallColumn[]

/** A call of which nothing is known yet. Readers fill it in. */
export function emptyCall(): Call {
  return {
    kind: 'request',
    reporter: 'destination',
    reporterPod: '',
    sourceIdentity: '',
    sourceIdentityOrigin: 'none',
    sourceService: '',
    sourceServiceOrigin: 'none',
    sourceWorkload: '',
    sourceWorkloadOrigin: 'none',
    sourceNamespace: '',
    sourceCluster: '',
    sourceAddress: '',
    sourcePort: 0,
    sourceAddressIdentity: '',
    destinationIdentity: '',
    destinationIdentityOrigin: 'none',
    destinationService: '',
    destinationServiceOrigin: 'none',
    destinationWorkload: '',
    destinationWorkloadOrigin: 'none',
    destinationNamespace: '',
    destinationCluster: '',
    destinationAddress: '',
    destinationPort: 0,
    sni: '',
    authority: '',
    protocol: '',
    method: '',
    path: '',
    route: '',
    status: 0,
    grpcStatus: -1,
    outcome: 'ok',
    denialKind: '',
    denialPolicy: '',
    denialRule: '',
    tlsState: 'unknown',
    tlsVersion: '',
    tlsFailure: '',
    tlsRejectedBy: '',
    tlsPeerSerial: '',
    tlsPeerIssuer: '',
    tlsPeerNotAfter: 0,
    tlsDetail: '',
    decision: 'unknown',
    decisionReason: '',
    start: 0,
    end: 0,
    durationUs: 0,
    durationStepUs: 1000,
    bytesReceived: 0,
    bytesSent: 0,
    attempts: 0,
    weight: 1,
    requestId: '',
    traceId: '',
    spanId: '',
    responseFlags: '',
    format: '',
    sender: '',
    trust: 'claimed',
    received: 0,
    late: false,
  }
}
