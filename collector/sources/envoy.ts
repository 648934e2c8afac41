/**
 * Access logs of Envoy and Istio to calls: as attributes, as a key-value or JSON body (the reader makes these alike), or as
 * Istio's default text line. Written for docs/connect-envoy.md's attributes; whatever is missing stays unknown.
 *
 * `format` is `envoy` for structured records, `istio-text` for lines. Lengths: bounded.ts.
 */
import type { RowIds } from '../../core/block.ts'
import { type Call, emptyCall } from '../../core/call.ts'
import { type FieldValues, TextValues } from '../otlp/field-values.ts'
import { FIELD, type LogRecord } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH, numberOr, wholeNumber } from './bounded.ts'
import { readDenial } from './denial.ts'
import { readReporter } from './direction.ts'
import { readDestination, readIdentities, readSource } from './ends.ts'
import { readIds } from './ids.ts'
import { fillFromLine } from './istio-text.ts'
import { nameDestination, namespaceOf, ownNamespace, ownService, ownWorkload } from './names.ts'
import { readOutcome } from './outcome.ts'
import { recent } from './recent.ts'
import { readRoute } from './route-template.ts'
import type { LogSource, RecordContext, Unreadable } from './source.ts'
import { readTimes } from './times.ts'
import { readTls } from './tls.ts'

const F = FIELD

/** Records of what goes on, and of single attempts: the record of the end tells it all. */
const INTERIM = new Set([
  'DownstreamStart',
  'DownstreamPeriodic',
  'DownstreamTunnelSuccessfullyEstablished',
  'TcpUpstreamConnected',
  'TcpPeriodic',
  'UdpTunnelUpstreamConnected',
  'UdpPeriodic',
  'UpstreamPoolReady',
  'UpstreamPeriodic',
  'UpstreamEnd',
])

export const envoySource: LogSource = { name: 'envoy', read, repeated: { repeats: isStructured, vary } }

function read(record: LogRecord, context: RecordContext): Call | Unreadable {
  let values: readonly string[] = record.values
  let format = 'envoy'
  if (!isStructured(record)) {
    if (record.text === '')
      return { reason: 'not_an_access_log', detail: 'The record has none of the fields of a proxy.' }
    const line = fillFromLine(values, record.text)
    if ('reason' in line) return line
    values = line.values
    format = 'istio-text'
  }
  const type = values[F.accessLogType]!
  if (INTERIM.has(type)) return { reason: 'interim_record', detail: `${type} is followed by the record of the end.` }

  const call = emptyCall()
  call.format = format
  call.sender = context.sender
  call.trust = context.trust
  call.received = context.received
  call.responseFlags = bounded(values[F.responseFlags]!, MAX_LENGTH.flags)
  call.reporter = readReporter(values)
  readRequest(call, values, type)
  const failed = readTls(call, values)
  readIdentities(call, values, failed)
  const said = new TextValues(values)
  readSource(call, said)
  readDestination(call, values)
  readNames(call, values)
  if (call.destinationService === '') {
    return { reason: 'no_destination', detail: 'The record names no destination: neither a service nor an address.' }
  }
  judge(call, values, failed)
  fillIn(call, record, said)
  return call
}

/** Attributes outrank a text body, which is looked at only where they say nothing of a call. */
function isStructured({ values }: LogRecord): boolean {
  return values[F.responseCode] !== '' || values[F.downstreamRemoteAddress] !== ''
}

function vary(call: Call, record: LogRecord, values: FieldValues, ids: RowIds): void {
  readSource(call, values)
  fillIn(call, record, values, ids)
}

/** What is another in nearly every record. */
function fillIn(call: Call, record: LogRecord, values: FieldValues, ids?: RowIds): void {
  call.bytesReceived = numberOr(values.numberOf(F.bytesReceived), Number.MAX_SAFE_INTEGER)
  call.bytesSent = numberOr(values.numberOf(F.bytesSent), Number.MAX_SAFE_INTEGER)
  if (hasRequest(call)) {
    const { path, route, isGrpc } = readPath(values.textOf(F.path))
    call.path = path
    call.route = route
    const isUnlogged = isGrpc && call.method === 'POST' && values.textOf(F.protocol) === 'HTTP/2'
    call.protocol = call.grpcStatus >= 0 || isUnlogged ? 'grpc' : 'http'
  }
  readTimes(call, record.timeUs, values)
  readIds(call, record, values, ids)
}

/** False for a connection, or a stream of bytes. */
function hasRequest({ method, status }: Call): boolean {
  return method !== '' || status !== 0
}

function readRequest(call: Call, values: readonly string[], type: string): void {
  const protocol = values[F.protocol]!
  call.method = bounded(values[F.method]!, MAX_LENGTH.method)
  call.status = wholeNumber(values[F.responseCode]!, 999)
  call.grpcStatus = wholeNumber(values[F.grpcStatus]!, 999, -1)
  call.sni = bounded(values[F.requestedServerName]!, MAX_LENGTH.name)
  if (!hasRequest(call)) {
    if (isConnection(values, type)) call.kind = 'connection'
    else call.protocol = protocol === '' ? 'tcp' : 'http'
    call.attempts = call.kind === 'connection' ? 0 : attemptsOf(values)
    return
  }
  call.authority = bounded(withoutCredentials(values[F.authority]!), MAX_LENGTH.name)
  call.protocol = 'http'
  call.attempts = attemptsOf(values)
}

function withoutCredentials(authority: string): string {
  const at = authority.lastIndexOf('@')
  return at < 0 ? authority : authority.slice(at + 1)
}

function attemptsOf(values: readonly string[]): number {
  return wholeNumber(values[F.attemptCount]!, 0xffff)
}

/**
 * A listener's record of a connection, against a tcp_proxy's record of a TCP call. The type tells them apart and nothing else
 * does for certain (both repeat the upstream and the denial). Without it: what has met an upstream or a policy is a call.
 */
function isConnection(values: readonly string[], type: string): boolean {
  if (type !== '') return type === 'NotSet'
  if (values[F.downstreamTransportFailureReason] !== '' || values[F.responseCodeDetails] === 'filter_chain_not_found')
    return true
  return (
    values[F.upstreamHost] === '' && values[F.upstreamCluster] === '' && values[F.connectionTerminationDetails] === ''
  )
}

/** `/package.Service/Method`: by POST that is gRPC, also where its status was not logged. */
const GRPC_PATH = /^\/[\w]+(?:\.\w+)*\.[A-Z]\w*\/[A-Z]\w*$/

const readPath = recent((text) => {
  const { path, route } = readRoute(text)
  return { path, route, isGrpc: GRPC_PATH.test(path) }
})

function readNames(call: Call, values: readonly string[]): void {
  const atSource = call.reporter === 'source'
  const namespace = ownNamespace(values, atSource ? call.sourceIdentity : call.destinationIdentity)
  const own = ownService(values, namespace)
  const cluster = bounded(values[F.k8sCluster]!, MAX_LENGTH.name)
  call.reporterPod = bounded(values[F.k8sPod] || values[F.nodeName] || '', MAX_LENGTH.name)
  nameDestination(call, values, own, namespace)
  if (atSource) {
    call.sourceService = own || ownWorkload(values, namespace)
    if (call.sourceService !== '') call.sourceServiceOrigin = 'record'
    call.sourceNamespace = namespace
    call.sourceCluster = cluster
    return
  }
  call.sourceNamespace = namespaceOf(call.sourceIdentity)
  call.destinationCluster = cluster
  if (call.reporter !== 'destination') return
  if (namespace !== '') call.destinationNamespace = namespace
  call.destinationWorkload = bounded(values[F.k8sDeployment]!, MAX_LENGTH.name)
  if (call.destinationWorkload !== '') call.destinationWorkloadOrigin = 'record'
}

/** Denied, failed or done. A connection's record tells of the handshake alone: what a policy said of it is the call's record. */
function judge(call: Call, values: readonly string[], failed: boolean): void {
  if (failed) {
    call.outcome = 'tls_failure'
    return
  }
  if (call.kind === 'connection') return
  const details = values[F.responseCodeDetails]!
  const denial = readDenial(details, values[F.connectionTerminationDetails]!, call.responseFlags)
  if (denial === undefined) {
    call.outcome = readOutcome(call, details)
    return
  }
  call.outcome = 'denied'
  call.denialKind = denial.kind
  call.denialPolicy = denial.policy
  call.denialRule = denial.rule
}
