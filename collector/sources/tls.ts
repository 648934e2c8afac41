/** What a record tells of TLS between the two ends: state, version, the peer's certificate, and why a handshake failed. */
import type { Call } from '../../core/call.ts'
import { FIELD } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'
import { isTls } from './direction.ts'
import { memo } from './memo.ts'
import { hasFlag } from './response-flags.ts'
import { timeOf } from './times.ts'
import { classifyHandshake, type HandshakeFailure } from './tls-failure.ts'

const {
  accessLogType,
  connectionTerminationDetails,
  downstreamLocalCloseReason,
  downstreamPeerCertEnd,
  downstreamPeerIssuer,
  downstreamPeerSerial,
  downstreamPeerSubject,
  downstreamPeerUriSan,
  downstreamTlsVersion,
  downstreamTransportFailureReason,
  requestedServerName,
  responseCodeDetails,
  upstreamLocalUriSan,
  upstreamPeerUriSan,
  upstreamTlsVersion,
  upstreamTransportFailureReason,
} = FIELD

const certificateEnd = memo(timeOf)
const refusedByCaller = memo((text: string): HandshakeFailure => classifyHandshake(text, 'upstream'))
const refusedByCallee = memo((text: string): HandshakeFailure => classifyHandshake(text, 'downstream'))

/** Fills in the TLS fields of a call whose reporter, kind and flags are known. True where the handshake failed. */
export function readTls(call: Call, values: readonly string[]): boolean {
  return call.reporter === 'destination' ? readDownstream(call, values) : readUpstream(call, values)
}

function readUpstream(call: Call, values: readonly string[]): boolean {
  call.tlsVersion = bounded(values[upstreamTlsVersion]!, 16)
  if (call.tlsVersion !== '') {
    const both = values[upstreamPeerUriSan] !== '' && values[upstreamLocalUriSan] !== ''
    call.tlsState = both ? 'mutual' : 'server'
  }
  const reason = values[upstreamTransportFailureReason]!
  const details = values[responseCodeDetails]!
  const text = isTls(reason) ? reason : details !== 'via_upstream' && TLS_ERROR.test(details) ? details : ''
  if (text === '') return false
  setFailure(call, refusedByCaller(text), text, 'destination')
  return true
}

const TLS_ERROR = /TLS[_ ]error/

function readDownstream(call: Call, values: readonly string[]): boolean {
  const version = values[downstreamTlsVersion]!
  call.tlsVersion = bounded(version, 16)
  if (version !== '') {
    const named = values[downstreamPeerUriSan] !== '' || values[downstreamPeerSubject] !== ''
    call.tlsState = named ? 'mutual' : 'server'
    call.tlsPeerSerial = bounded(values[downstreamPeerSerial]!, MAX_LENGTH.serial).toLowerCase()
    call.tlsPeerIssuer = bounded(values[downstreamPeerIssuer]!, MAX_LENGTH.issuer)
    call.tlsPeerNotAfter = certificateEnd(values[downstreamPeerCertEnd]!)
  } else if (values[accessLogType] !== '' && values[requestedServerName] === '') {
    // Only the attributes of docs/connect-envoy.md hold the type; they hold the TLS version as well, so that none was spoken.
    call.tlsState = 'plaintext'
  }
  const text = downstreamFailureText(call, values)
  if (text === '') return false
  const failure =
    call.responseFlags !== '' && hasFlag(call.responseFlags, 'NR') ? unmatched(values) : refusedByCallee(text)
  setFailure(call, failure, text, 'source')
  // Envoy prints a refused certificate all the same: a claim, never an identity.
  const claimed = values[downstreamPeerUriSan]!
  if (claimed !== '')
    call.tlsDetail = bounded(`${call.tlsDetail}; the refused certificate says ${claimed}`, MAX_LENGTH.detail)
  return true
}

function downstreamFailureText(call: Call, values: readonly string[]): string {
  if (call.responseFlags !== '' && values[responseCodeDetails] === 'filter_chain_not_found')
    return 'filter_chain_not_found'
  if (values[downstreamTransportFailureReason] !== '') return values[downstreamTransportFailureReason]!
  if (call.kind === 'request') return ''
  const closed = values[downstreamLocalCloseReason]!
  if (closed !== '' && isTls(closed)) return closed
  const terminated = values[connectionTerminationDetails]!
  return terminated !== '' && isTls(terminated) ? terminated : ''
}

/** No filter chain took the connection. With an SNI the client spoke TLS, but not as any chain wants it. */
function unmatched(values: readonly string[]): HandshakeFailure {
  return { failure: values[requestedServerName] === '' ? 'plaintext_to_strict' : 'sni_mismatch', refusedBy: 'self' }
}

function setFailure(
  call: Call,
  { failure, refusedBy }: HandshakeFailure,
  text: string,
  peer: 'source' | 'destination',
) {
  const self = peer === 'source' ? 'destination' : 'source'
  call.tlsFailure = failure
  call.tlsRejectedBy = refusedBy === '' ? '' : refusedBy === 'self' ? self : peer
  call.tlsDetail = bounded(text, MAX_LENGTH.detail)
  const plaintext = failure === 'plaintext_to_tls' || failure === 'plaintext_to_strict'
  call.tlsState = plaintext ? 'plaintext' : 'unknown'
  if (plaintext) call.tlsVersion = ''
}
