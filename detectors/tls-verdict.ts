/** What a failed handshake means: class of failure, which end refused, and what is declared of the caller's address. */
import type { Severity } from './detector.ts'
import type { TlsTally } from './window.ts'

export type Fault = 'source' | 'destination'

export interface Verdict {
  kind: string
  severity: Severity
  /** Whose certificate, key or configuration is at fault. */
  fault: Fault
  text: string
  /** Failures within a minute before it is said. */
  least: number
  /** Judged as a rate among handshakes instead. */
  byRate: boolean
  technique: string
  /** What it cannot tell apart; left out where nothing. */
  blind?: string
}

/** Failures that a broken rotation shows at all callers of one destination at once, and a single caller alone otherwise. */
const ROTATION = new Set([
  'unknown_ca',
  'san_mismatch',
  'pin_mismatch',
  'cert_verify_failed_unspecified',
  'cert_invalid',
])
const UNENCRYPTED = new Set<string>(['missing_client_cert', 'plaintext_to_tls', 'plaintext_to_strict'])
const CLOCK = new Set(['expired', 'not_yet_valid'])

const ADVERSARY_IN_THE_MIDDLE = 'T1557'
const FORGED_CERTIFICATE = 'T1649'

/** The inventory knows the nodes of pods, but no call carries one. */
const NO_NODE = 'calls carry no node: a wrong clock of a node shows as its pods, one by one'

export function verdictOf({ failure, rejectedBy, reporter, addressIdentity }: TlsTally): Verdict {
  const fault = faultOf(failure, rejectedBy, reporter)
  const whose = fault === 'source' ? "the caller's" : "the destination's"
  const verdict = (kind: string, severity: Severity, text: string, more: Partial<Verdict> = {}): Verdict => ({
    kind,
    severity,
    fault,
    text,
    least: 3,
    byRate: false,
    technique: '',
    ...more,
  })
  const impostor = (text: string) =>
    verdict('impostor', 'critical', text, {
      least: 1,
      technique: fault === 'source' ? FORGED_CERTIFICATE : ADVERSARY_IN_THE_MIDDLE,
    })
  switch (failure) {
    case 'unknown_ca':
      return impostor(`unknown CA: ${whose} certificate is signed by an authority this mesh does not trust`)
    case 'san_mismatch':
      return impostor(`wrong name: ${whose} certificate names another workload than the one expected`)
    case 'pin_mismatch':
      return impostor(`wrong key: ${whose} certificate is not the pinned one`)
    case 'revoked':
      return verdict('revoked_certificate', 'high', `${whose} certificate was revoked`, {
        technique: FORGED_CERTIFICATE,
      })
    case 'expired':
      return verdict(
        'expired_certificate',
        'warning',
        `stale certificate: ${whose} has expired; its issuing agent is stuck`,
        { blind: NO_NODE },
      )
    case 'not_yet_valid':
      return verdict('clock_skew', 'warning', `${whose} certificate is not yet valid: a clock is wrong`, {
        blind: NO_NODE,
      })
    case 'local_cert_unavailable':
      return verdict('rotation_trouble', 'warning', `${whose} proxy was given no certificate: rotation in trouble`)
    case 'cert_verify_failed_unspecified':
    case 'cert_invalid':
      return verdict('invalid_certificate', 'high', `${whose} certificate was refused, and the proxy does not say why`)
    case 'plaintext_peer':
      return verdict('plaintext_destination', 'warning', 'the destination answers in plaintext where TLS was expected')
    case 'missing_client_cert':
    case 'plaintext_to_tls':
    case 'plaintext_to_strict':
      return addressIdentity === ''
        ? verdict('unmeshed_client', 'info', 'unmeshed client: no declared workload lives at its address', { least: 1 })
        : verdict(
            'bypassed_sidecar',
            'high',
            'bypassed sidecar: a meshed workload calls without its mesh certificate',
            {
              least: 1,
              technique: 'T1562',
            },
          )
    default:
      return verdict('handshake_failures', 'warning', `handshakes fail (${failure || 'unknown'})`, { byRate: true })
  }
}

/** The end that was refused; where nobody refused, the end that said so, whose own certificate or time it was. */
function faultOf(
  failure: TlsTally['failure'],
  rejectedBy: TlsTally['rejectedBy'],
  reporter: TlsTally['reporter'],
): Fault {
  if (UNENCRYPTED.has(failure)) return 'source'
  if (failure === 'plaintext_peer') return 'destination'
  if (rejectedBy === '') return reporter === 'source' ? 'source' : 'destination'
  return rejectedBy === 'destination' ? 'source' : 'destination'
}

/** What the same failure means where most callers of one destination show it at once; undefined where it means the same. */
export function fanVerdictOf(verdict: Verdict, failure: string): Verdict | undefined {
  if (verdict.fault !== 'source') return undefined
  if (CLOCK.has(failure)) {
    return {
      ...verdict,
      kind: 'clock_skew',
      severity: 'warning',
      fault: 'destination',
      text: "clock skew: the destination finds most callers' certificates outside their time; its clock is wrong, or all renewals stand still",
      technique: '',
    }
  }
  if (ROTATION.has(failure)) {
    return {
      ...verdict,
      kind: 'rotation_trouble',
      severity: 'warning',
      fault: 'destination',
      text: "rotation in trouble: the destination refuses most callers' certificates; its trust bundle does not fit",
      technique: '',
    }
  }
  return undefined
}

/** A declared workload need not be meshed: one that never showed a certificate here cannot be said to have dropped it. */
export function withoutHistory(verdict: Verdict): Verdict {
  if (verdict.kind !== 'bypassed_sidecar') return verdict
  const text = 'unmeshed client: a declared workload that was never seen with its mesh certificate here'
  return { ...verdict, kind: 'unmeshed_client', severity: 'info', text, technique: '' }
}
