/**
 * Access log records as Envoy sends them with the attributes of deploy/envoy/access-log.yaml: every value is text, what is
 * missing is '-'. One function per kind of record that a sidecar writes; a test holds them against recordings of a real Envoy.
 */
import { host, identityUri, NAMESPACE, PORT, type Pod, TRUST_DOMAIN } from './shop.ts'

export interface AccessLog {
  pod: Pod
  /** Epoch microseconds of the request's start, which is the record's time. */
  startUs: number
  attributes: Attributes
}

/** One request from pod to pod, as it happened. */
export interface Exchange {
  source: Pod
  destination: Pod
  certificate: Certificate
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
  bytes: number
}

/** What the caller shows: its own, or a stolen or expired one. */
export interface Certificate {
  /** SPIFFE URI. */
  identity: string
  serial: string
  /** RFC 3339, as Envoy prints it. */
  notAfter: string
}

const MISSING = '-'
const ISSUER = `O=${TRUST_DOMAIN}`
const CIPHER = 'TLS_AES_128_GCM_SHA256'

export type Attributes = ReturnType<typeof blank>

/** All attributes there are, all missing. One literal: these objects are made by the million. */
function blank() {
  return {
    method: MISSING,
    path: MISSING,
    authority: MISSING,
    protocol: MISSING,
    response_code: MISSING,
    grpc_status: MISSING,
    response_flags: MISSING,
    response_code_details: MISSING,
    connection_termination_details: MISSING,
    upstream_transport_failure_reason: MISSING,
    downstream_transport_failure_reason: MISSING,
    downstream_peer_uri_san: MISSING,
    downstream_local_uri_san: MISSING,
    upstream_local_uri_san: MISSING,
    upstream_peer_uri_san: MISSING,
    downstream_peer_subject: MISSING,
    downstream_peer_issuer: MISSING,
    downstream_peer_serial: MISSING,
    downstream_peer_cert_v_end: MISSING,
    downstream_tls_version: MISSING,
    upstream_tls_version: MISSING,
    downstream_tls_cipher: MISSING,
    requested_server_name: MISSING,
    downstream_remote_address: MISSING,
    downstream_local_address: MISSING,
    upstream_host: MISSING,
    upstream_local_address: MISSING,
    upstream_cluster: MISSING,
    route_name: MISSING,
    filter_chain_name: MISSING,
    access_log_type: MISSING,
    duration: MISSING,
    duration_us: MISSING,
    bytes_received: MISSING,
    bytes_sent: MISSING,
    upstream_request_attempt_count: MISSING,
    request_id: MISSING,
    trace_id: MISSING,
    traceparent: MISSING,
  }
}

function request(exchange: Exchange, durationUs: number): Attributes {
  const attributes = blank()
  attributes.method = exchange.method
  attributes.path = exchange.path
  attributes.authority = `${exchange.destination.service}.${NAMESPACE}:${PORT}`
  attributes.protocol = 'HTTP/1.1'
  attributes.response_code = String(exchange.status)
  attributes.route_name = 'default'
  attributes.access_log_type = 'DownstreamEnd'
  attributes.duration = String(Math.floor(durationUs / 1000))
  attributes.duration_us = String(durationUs)
  attributes.bytes_received = '0'
  attributes.bytes_sent = String(exchange.bytes)
  attributes.upstream_request_attempt_count = '1'
  attributes.request_id = exchange.requestId
  attributes.trace_id = exchange.traceId
  return attributes
}

/** The caller's sidecar. It sees what the callee's proxy answered, never why. */
export function sourceRecord(exchange: Exchange): AccessLog {
  const { source, destination } = exchange
  const attributes = request(exchange, exchange.durationUs + exchange.gapUs)
  attributes.response_code_details = 'via_upstream'
  attributes.upstream_local_uri_san = exchange.certificate.identity
  attributes.upstream_peer_uri_san = identityUri(destination.service)
  attributes.upstream_tls_version = 'TLSv1.3'
  attributes.downstream_remote_address = `${source.address}:${exchange.port}`
  attributes.downstream_local_address = `${source.address}:15001`
  attributes.upstream_host = `${destination.address}:${PORT}`
  attributes.upstream_local_address = `${source.address}:${exchange.port}`
  attributes.upstream_cluster = `outbound|${PORT}||${host(destination.service)}`
  return { pod: source, startUs: exchange.startUs, attributes }
}

/** The caller's sidecar where the callee refused its certificate: under TLS 1.3 the connection just ends, without a reason. */
export function refusedSourceRecord(exchange: Exchange): AccessLog {
  const record = sourceRecord(exchange)
  record.attributes.response_code = '503'
  record.attributes.response_flags = 'UC'
  record.attributes.response_code_details = 'upstream_reset_before_response_started{connection_termination}'
  record.attributes.bytes_sent = '95'
  return record
}

/** The callee's sidecar: verified identities, the deciding policy. */
export function destinationRecord(exchange: Exchange): AccessLog {
  const { source, destination } = exchange
  const attributes = request(exchange, exchange.durationUs)
  attributes.response_code_details = exchange.details
  showDownstream(attributes, destination, `${source.address}:${exchange.port}`, exchange.certificate)
  attributes.upstream_cluster = `inbound|${PORT}||`
  if (exchange.details.startsWith('rbac_access_denied')) attributes.upstream_request_attempt_count = '0'
  else {
    attributes.upstream_host = `127.0.0.1:${PORT}`
    attributes.upstream_local_address = `127.0.0.1:${exchange.port}`
  }
  return { pod: destination, startUs: exchange.startUs + Math.floor(exchange.gapUs / 2), attributes }
}

/** The callee's listener log of one connection: a healthy handshake, or one that failed with Envoy's reason. */
export function connectionRecord(connection: {
  destination: Pod
  sourceAddress: string
  certificate: Certificate
  startUs: number
  durationUs: number
  port: number
  failure?: string
}): AccessLog {
  const { destination, sourceAddress, certificate, startUs, durationUs, port, failure } = connection
  const attributes = blank()
  attributes.response_code = '0'
  attributes.access_log_type = 'NotSet'
  attributes.duration = String(Math.floor(durationUs / 1000))
  attributes.bytes_received = '0'
  attributes.bytes_sent = '0'
  attributes.upstream_request_attempt_count = '0'
  if (failure === undefined) attributes.protocol = 'HTTP/1.1'
  else attributes.downstream_transport_failure_reason = failure
  // Also of a certificate that it refuses, the proxy prints what it says of itself.
  showDownstream(attributes, destination, `${sourceAddress}:${port}`, certificate)
  return { pod: destination, startUs, attributes }
}

function showDownstream(attributes: Attributes, destination: Pod, remote: string, certificate: Certificate): void {
  attributes.downstream_peer_uri_san = certificate.identity
  attributes.downstream_local_uri_san = identityUri(destination.service)
  attributes.downstream_peer_issuer = ISSUER
  attributes.downstream_peer_serial = certificate.serial
  attributes.downstream_peer_cert_v_end = certificate.notAfter
  attributes.downstream_tls_version = 'TLSv1.3'
  attributes.downstream_tls_cipher = CIPHER
  attributes.requested_server_name = `outbound_.${PORT}_._.${host(destination.service)}`
  attributes.downstream_remote_address = remote
  attributes.downstream_local_address = `${destination.address}:${PORT}`
  attributes.filter_chain_name = `inbound_${PORT}`
}
