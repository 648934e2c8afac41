/**
 * A log record as the field reader hands it on: the attributes Eastwatch understands, by position, as text. The key table is what
 * makes the reader fast: keys are matched on bytes and never become strings.
 */

/** Every attribute, kvlist or JSON key that is read, and its aliases in the wild, all giving the same field. */
export const FIELD_ALIASES = {
  method: ['method', 'request_method', ':method'],
  path: ['path', 'request_path', ':path', 'x_envoy_original_path'],
  authority: ['authority', 'request_authority', ':authority'],
  protocol: ['protocol'],
  responseCode: ['response_code'],
  grpcStatus: ['grpc_status', 'grpc_status_number', 'grpc_response_status'],
  responseFlags: ['response_flags'],
  responseCodeDetails: ['response_code_details'],
  connectionTerminationDetails: ['connection_termination_details'],
  upstreamTransportFailureReason: ['upstream_transport_failure_reason'],
  downstreamTransportFailureReason: ['downstream_transport_failure_reason'],
  downstreamLocalCloseReason: ['downstream_local_close_reason'],
  downstreamPeerUriSan: ['downstream_peer_uri_san'],
  downstreamLocalUriSan: ['downstream_local_uri_san'],
  upstreamLocalUriSan: ['upstream_local_uri_san'],
  upstreamPeerUriSan: ['upstream_peer_uri_san'],
  downstreamPeerSubject: ['downstream_peer_subject'],
  downstreamPeerIssuer: ['downstream_peer_issuer'],
  downstreamPeerSerial: ['downstream_peer_serial'],
  downstreamPeerCertEnd: ['downstream_peer_cert_v_end'],
  downstreamTlsVersion: ['downstream_tls_version'],
  upstreamTlsVersion: ['upstream_tls_version'],
  requestedServerName: ['requested_server_name'],
  downstreamRemoteAddress: ['downstream_remote_address', 'downstream_direct_remote_address'],
  downstreamLocalAddress: ['downstream_local_address'],
  upstreamHost: ['upstream_host'],
  upstreamLocalAddress: ['upstream_local_address'],
  upstreamCluster: ['upstream_cluster', 'upstream_cluster_raw'],
  routeName: ['route_name'],
  filterChainName: ['filter_chain_name'],
  accessLogType: ['access_log_type'],
  startTime: ['start_time'],
  duration: ['duration'],
  durationUs: ['duration_us'],
  bytesReceived: ['bytes_received'],
  bytesSent: ['bytes_sent'],
  requestId: ['request_id', 'x_request_id'],
  traceId: ['trace_id'],
  traceparent: ['traceparent'],
  attemptCount: ['upstream_request_attempt_count', 'attempt_count'],
  // Who reports: resource attributes, and Envoy's built-in labels.
  serviceName: ['service.name'],
  serviceNamespace: ['service.namespace'],
  k8sNamespace: ['k8s.namespace.name'],
  k8sPod: ['k8s.pod.name'],
  k8sPodIp: ['k8s.pod.ip'],
  k8sDeployment: ['k8s.deployment.name'],
  k8sCluster: ['k8s.cluster.name'],
  nodeName: ['node_name'],
  clusterName: ['cluster_name'],
  logName: ['log_name'],
} as const satisfies Record<string, readonly string[]>

export type Field = keyof typeof FIELD_ALIASES
export const FIELDS = Object.keys(FIELD_ALIASES) as Field[]

/** Position of each field in `LogRecord.values`. */
export const FIELD = Object.fromEntries(FIELDS.map((field, position) => [field, position])) as Record<Field, number>

/** Fields that say something else in nearly every record of one kind. */
export const VARYING: readonly Field[] = [
  'path',
  'requestId',
  'traceId',
  'traceparent',
  'startTime',
  'duration',
  'durationUs',
  'bytesReceived',
  'bytesSent',
]

/** Fields with an address whose port is the caller's choice and differs with each of its connections. */
export const FLEETING_PORT: readonly Field[] = ['downstreamRemoteAddress', 'upstreamLocalAddress']

/**
 * Reused by the reader between records: read it or copy it, never keep it. Precedence where a field comes twice:
 * record attributes, then a kvlist body, then a JSON text body, then resource attributes. 'null', '-' and absent are all ''.
 */
export interface LogRecord {
  /** `time_unix_nano` as epoch microseconds, 0 where absent; may be absurd: the sender's word. */
  timeUs: number
  /** Lower-case hex, '' where absent. */
  traceId: string
  spanId: string
  /** The body where it is text that is no JSON object; '' else. */
  text: string
  /** By FIELD position; '' where absent. Non-text values (numbers, booleans) as their text. */
  values: string[]
  /**
   * By FIELD position, a number that stands for the value: two records with the same mark have the same value there, but for the
   * port in FLEETING_PORT. 0 where absent; says nothing of VARYING fields.
   */
  marks: Float64Array
  /** False where some mark is missing: then none may be relied on. */
  marked: boolean
}

/** Characters of everything the record says. */
export function sizeOf({ values, text }: LogRecord): number {
  let size = text.length
  for (let i = 0; i < values.length; i += 1) size += values[i]!.length
  return size
}
