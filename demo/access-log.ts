/**
 * Access log records as Envoy sends them with the attributes of deploy/envoy/access-log.yaml: every value is text, what is
 * missing is '-'. One function per kind of record a sidecar writes.
 */
import { host, identityUri, PORT, type Pod } from './shop.ts'

export interface AccessLog {
  pod: Pod
  /** Epoch microseconds of the request's start, which is the record's time. */
  startUs: number
  attributes: Record<string, string>
}

/** One request from pod to pod, as it happened. */
export interface Exchange {
  source: Pod
  destination: Pod
  /** Identity the caller's certificate carries; its own unless stolen. */
  identity: string
  method: string
  path: string
  status: number
  details: string
  startUs: number
  /** What the callee's proxy measured, and what lies between the two proxies. */
  durationUs: number
  gapUs: number
  requestId: string
  traceId: string
  port: number
  serial: string
  bytes: number
}

const MISSING = '-'
const SPIFFE = (service: string) => identityUri(service)

/** The caller's sidecar. It sees what the callee's proxy answered, never why. */
export function sourceRecord(exchange: Exchange): AccessLog {
  const { source, destination } = exchange
  const durationUs = exchange.durationUs + exchange.gapUs
  return {
    pod: source,
    startUs: exchange.startUs,
    // One literal: with a spread these objects are ten times as dear, and there are millions.
    attributes: {
      method: exchange.method,
      path: exchange.path,
      authority: `${destination.service}.shop:${PORT}`,
      protocol: 'HTTP/1.1',
      response_code: String(exchange.status),
      grpc_status: MISSING,
      response_flags: MISSING,
      response_code_details: 'via_upstream',
      connection_termination_details: MISSING,
      upstream_transport_failure_reason: MISSING,
      downstream_transport_failure_reason: MISSING,
      upstream_local_uri_san: exchange.identity,
      upstream_peer_uri_san: SPIFFE(destination.service),
      upstream_tls_version: 'TLSv1.3',
      downstream_tls_version: MISSING,
      downstream_remote_address: `${source.address}:${exchange.port}`,
      downstream_local_address: `${destination.address}:${PORT}`,
      upstream_host: `${destination.address}:${PORT}`,
      upstream_local_address: `${source.address}:${exchange.port}`,
      upstream_cluster: `outbound|${PORT}||${host(destination.service)}`,
      upstream_request_attempt_count: '1',
      requested_server_name: MISSING,
      route_name: 'default',
      access_log_type: 'DownstreamEnd',
      duration: String(Math.floor(durationUs / 1000)),
      duration_us: String(durationUs),
      bytes_received: '0',
      bytes_sent: String(exchange.bytes),
      request_id: exchange.requestId,
      trace_id: exchange.traceId,
    },
  }
}

/** The callee's sidecar: verified identities, the deciding policy. */
export function destinationRecord(exchange: Exchange): AccessLog {
  const { source, destination } = exchange
  const denied = exchange.details.startsWith('rbac_access_denied')
  return {
    pod: destination,
    startUs: exchange.startUs + Math.floor(exchange.gapUs / 2),
    attributes: {
      method: exchange.method,
      path: exchange.path,
      authority: `${destination.service}.shop:${PORT}`,
      protocol: 'HTTP/1.1',
      response_code: String(exchange.status),
      grpc_status: MISSING,
      response_flags: MISSING,
      response_code_details: exchange.details,
      connection_termination_details: MISSING,
      upstream_transport_failure_reason: MISSING,
      downstream_transport_failure_reason: MISSING,
      downstream_peer_uri_san: exchange.identity,
      downstream_local_uri_san: SPIFFE(destination.service),
      downstream_peer_serial: exchange.serial,
      downstream_tls_version: 'TLSv1.3',
      upstream_tls_version: MISSING,
      downstream_remote_address: `${source.address}:${exchange.port}`,
      downstream_local_address: `${destination.address}:${PORT}`,
      upstream_host: denied ? MISSING : `${destination.address}:${PORT}`,
      upstream_local_address: denied ? MISSING : `127.0.0.6:${exchange.port}`,
      upstream_cluster: `inbound|${PORT}||`,
      upstream_request_attempt_count: denied ? '0' : '1',
      requested_server_name: `outbound_.${PORT}_._.${host(destination.service)}`,
      route_name: 'default',
      access_log_type: 'DownstreamEnd',
      duration: String(Math.floor(exchange.durationUs / 1000)),
      duration_us: String(exchange.durationUs),
      bytes_received: '0',
      bytes_sent: String(exchange.bytes),
      request_id: exchange.requestId,
      trace_id: exchange.traceId,
    },
  }
}

/** The callee's listener log of one connection: a healthy handshake, or one that failed with Envoy's reason. */
export function connectionRecord(at: {
  destination: Pod
  sourceAddress: string
  identity: string
  serial: string
  startUs: number
  durationUs: number
  port: number
  failure?: string
}): AccessLog {
  const failed = at.failure !== undefined
  return {
    pod: at.destination,
    startUs: at.startUs,
    attributes: {
      method: MISSING,
      path: MISSING,
      authority: MISSING,
      protocol: MISSING,
      response_code: '0',
      response_flags: MISSING,
      response_code_details: MISSING,
      connection_termination_details: MISSING,
      upstream_transport_failure_reason: MISSING,
      downstream_transport_failure_reason: at.failure ?? MISSING,
      downstream_peer_uri_san: failed ? MISSING : at.identity,
      downstream_local_uri_san: SPIFFE(at.destination.service),
      downstream_peer_serial: failed ? MISSING : at.serial,
      downstream_tls_version: failed ? MISSING : 'TLSv1.3',
      downstream_remote_address: `${at.sourceAddress}:${at.port}`,
      downstream_local_address: `${at.destination.address}:${PORT}`,
      upstream_host: MISSING,
      upstream_cluster: `inbound|${PORT}||`,
      requested_server_name: `outbound_.${PORT}_._.${host(at.destination.service)}`,
      duration: String(Math.floor(at.durationUs / 1000)),
      duration_us: String(at.durationUs),
      bytes_received: '0',
      bytes_sent: '0',
      access_log_type: 'NotSet',
    },
  }
}

/** The caller's sidecar where the callee refused its certificate. */
export function refusedSourceRecord(exchange: Exchange, reason: string): AccessLog {
  const record = sourceRecord(exchange)
  Object.assign(record.attributes, {
    response_code: '503',
    response_flags: 'UF,URX',
    response_code_details: `upstream_reset_before_response_started{remote_connection_failure|${reason}}`.replaceAll(
      ' ',
      '_',
    ),
    upstream_transport_failure_reason: reason,
    upstream_peer_uri_san: MISSING,
    upstream_tls_version: MISSING,
  })
  return record
}
