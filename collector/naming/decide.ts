/** What the declared policy says of a call, as far as its record tells who called. */
import type { Call } from '../../core/call.ts'
import type { AccessQuery, DecideByPath, PolicySnapshot, Verdict } from '../../policy/policy.ts'

/** Of the call, and of all that differ from it in columns of PER_ROW only (core/block/call-rows.ts): by their paths. */
export function deciderOf(call: Call, policy: PolicySnapshot): DecideByPath {
  const undecidable = whyUndecidable(call)
  if (undecidable === '') return policy.decideByPath(queryOf(call))
  const verdict: Verdict = { decision: 'unknown', reason: undecidable }
  return () => verdict
}

function whyUndecidable({ kind, outcome }: Call): string {
  if (kind === 'connection') return 'unknown: a connection is decided by its calls'
  return outcome === 'tls_failure' ? 'unknown: the handshake failed, so nobody was identified' : ''
}

function queryOf(call: Call): AccessQuery {
  const proven = call.sourceIdentityOrigin === 'record' && call.tlsState !== 'plaintext'
  return {
    sourceIdentity: proven ? call.sourceIdentity : '',
    // A caller that the record merely does not name must not be taken for one without identity.
    sourceKnown: proven || call.tlsState === 'plaintext' || call.tlsState === 'server',
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
