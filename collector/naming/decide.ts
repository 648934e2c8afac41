/** What the declared policy says of a call, as far as its record tells who called. */
import type { Call } from '../../core/call.ts'
import type { AccessQuery, PolicySnapshot } from '../../policy/policy.ts'

/** Writes `decision` and `decisionReason`. */
export function decideCall(call: Call, policy: PolicySnapshot): void {
  const unknown = whyUndecidable(call)
  if (unknown !== '') {
    call.decision = 'unknown'
    call.decisionReason = unknown
    return
  }
  const verdict = policy.decide(queryOf(call))
  call.decision = verdict.decision
  call.decisionReason = verdict.reason
}

/** '' where the call can be decided. A caller that is merely not named must not be taken for one without identity. */
function whyUndecidable(call: Call): string {
  if (call.kind === 'connection') return 'unknown: a connection is decided by its calls'
  if (call.outcome === 'tls_failure') return 'unknown: the handshake failed, nobody was identified'
  if (call.sourceIdentityOrigin === 'record' || call.tlsState === 'plaintext' || call.tlsState === 'server') return ''
  return 'unknown: the record does not tell the identity of the caller'
}

function queryOf(call: Call): AccessQuery {
  const proven = call.tlsState !== 'plaintext' && call.sourceIdentityOrigin === 'record'
  return {
    sourceIdentity: proven ? call.sourceIdentity : '',
    sourceAddress: call.sourceAddress,
    destinationNamespace: call.destinationNamespace,
    destinationAddress: call.destinationAddress,
    destinationService: call.destinationService,
    destinationPort: call.destinationPort,
    http: call.protocol === 'http' || call.protocol === 'grpc',
    method: call.method,
    path: call.path,
    host: call.authority,
    sni: call.sni,
  }
}
