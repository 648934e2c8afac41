/** What all findings about a pair's denials have in common: who decided, and what shows it. */
import { HOUR } from '../core/clock.ts'
import type { Finding, Severity, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { finding, pairFindingKey } from './finding.ts'
import { countOnce, type DenialTally, type PairWindow } from './window.ts'

export const DENIAL_SPIKE = 'denial_spike'
export const DENIED = ["outcome = 'denied'"]
export const CREDENTIAL_PROBING = 'T1110'

export interface DenialStatement {
  kind: string
  severity: Severity
  quietUs: number
  observed: number
  expected: number
  summary: string
  p: number | null
  detectable: number | null
  dispersion: number | null
  samples: number
  blind?: string
  facts: Record<string, string | number>
}

/** Of a statement that rests on no learned rate. */
export const NO_MODEL = { p: null, detectable: null, dispersion: null, samples: 0 }

export function denialFinding(group: WindowGroup, window: PairWindow, statement: DenialStatement): Finding {
  const key = pairFindingKey(window.pair)
  const policy = mainPolicy(window)
  const { kind, severity, quietUs, summary, observed, expected, p, detectable, dispersion } = statement
  return finding(group, {
    detector: DENIAL_SPIKE,
    kind,
    // One policy that denies many at one service is one thing to deal with; its incident lists them.
    incident: `${kind === 'claimed' ? kind : 'denials'} by ${policy}`,
    severity,
    key: { ...key, destinationIdentity: window.destinationIdentities[0] ?? '' },
    incidentKey: { destinationService: key.destinationService },
    cause: `${DENIAL_SPIKE}|policy|${policy === 'default' ? `default of ${window.pair.destinationService}` : policy}`,
    quietUs,
    summary,
    technique: CREDENTIAL_PROBING,
    evidence: {
      observed,
      expected,
      unit: 'denials',
      p,
      detectable,
      baselineSamples: statement.samples,
      baselineSince: group.pairSince(window.key),
      dispersion,
      firstSeen: window.first,
      lastSeen: window.last,
      verdict: policyName(policy),
      blind: statement.blind ?? blindness(window),
      examples: window.examples.denied ?? [],
      facts: { ...policyFacts(window), ...statement.facts },
      sql: callsSql({ from: group.start - HOUR, to: group.end, key, where: DENIED }),
    },
  })
}

/** The denials that count: the deciding proxy's, at the destination where it reports. */
export function denialsOf(window: PairWindow): DenialTally[] {
  const { reporter } = countOnce(window)
  return window.denials.filter((denial) => denial.reporter === reporter)
}

export function mainPolicy(window: PairWindow): string {
  const most = denialsOf(window).sort((a, b) => b.count - a.count || (a.policy < b.policy ? -1 : 1))[0]
  return most?.policy || most?.kind || 'unnamed'
}

export function policyName(policy: string): string {
  if (policy === 'default') return 'the default: no ALLOW policy matches'
  return policy === 'unnamed' ? 'a policy the proxy does not name' : `policy ${policy}`
}

function policyFacts(window: PairWindow): Record<string, number> {
  const named = denialsOf(window).map(
    ({ kind, policy, rule, count }) => [`${kind} ${policy} ${rule}`.trim(), count] as const,
  )
  return Object.fromEntries(named.slice(0, 8))
}

function blindness(window: PairWindow): string {
  const { reporter } = countOnce(window)
  return reporter === 'destination' || reporter === 'waypoint'
    ? ''
    : 'the destination does not report; counted at the caller'
}
