/** What all findings about handshakes have in common. */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Evidence, Finding, FindingKey, WindowGroup } from './detector.ts'
import { callsSql, literal } from './evidence-sql.ts'
import { finding, pairFindingKey, sourceName } from './finding.ts'
import type { TlsFailures } from './tls-count.ts'
import type { Verdict } from './tls-verdict.ts'
import type { PairWindow, TlsTally } from './window.ts'
import { counted } from './wording.ts'

export const TLS_FAILURE = 'tls_failure'
const QUIET_US = 10 * MINUTE
/** Kinds that are an intruder's doing: his incident follows him, and stays open for a day. */
/** Kinds that speak of a false or a stolen identity. */
export const INTRUSIONS = ['impostor', 'stolen_identity', 'claimed_stolen_identity']

export interface TlsStatement {
  verdict: Verdict
  key: FindingKey
  incidentKey: Partial<FindingKey>
  summary: string
  observed: number
  first: number
  last: number
  examples: Evidence['examples']
  facts: Evidence['facts']
  blind: string
  /** The part of the key that its SQL looks for; all but the workload by default. */
  shown?: Partial<FindingKey>
  where: readonly string[]
}

export function tlsFinding(group: WindowGroup, statement: TlsStatement): Finding {
  const { verdict, key, incidentKey, summary, observed, first, last, examples, facts, blind, where } = statement
  const { shown = { ...key, sourceWorkload: '' } } = statement
  const intrusion = INTRUSIONS.includes(verdict.kind)
  const whose = intrusion || verdict.fault === 'source' ? key.sourceIdentity || key.sourceAddress : 'mesh'
  return finding(group, {
    detector: TLS_FAILURE,
    kind: verdict.kind,
    severity: verdict.severity,
    key,
    incidentKey,
    cause: `${TLS_FAILURE}|${verdict.kind}|${whose}`,
    quietUs: intrusion ? DAY : QUIET_US,
    summary,
    technique: verdict.technique,
    evidence: {
      observed,
      expected: 0,
      unit: 'handshakes',
      p: null,
      detectable: null,
      baselineSamples: 0,
      baselineSince: group.ownerSince,
      dispersion: null,
      firstSeen: first,
      lastSeen: last,
      verdict: verdict.text,
      blind: [blind, verdict.blind ?? ''].filter((text) => text !== '').join('; '),
      examples,
      facts,
      sql: callsSql({ from: group.start - HOUR, to: group.end, key: shown, where }),
    },
  })
}

/** One caller's failures of one class. */
export function callerFinding(
  group: WindowGroup,
  window: PairWindow,
  verdict: Verdict,
  { tally, count }: TlsFailures,
  minute = count,
  summary = '',
): Finding {
  const key = pairFindingKey(window.pair)
  const { destinationService } = window.pair
  const from = tally.addresses.length > 0 && key.sourceAddress === '' ? ` from ${tally.addresses[0]}` : ''
  return tlsFinding(group, {
    verdict,
    key: { ...key, sourceAddress: key.sourceAddress || (tally.addresses[0] ?? '') },
    // A rate is the pair's; a bad certificate is its owner's, wherever it is shown.
    incidentKey: verdict.byRate ? key : { ...key, destinationService: '' },
    summary:
      summary ||
      `${counted(minute, 'handshake')} of ${sourceName(window.pair)}${from} with ${destinationService} failed within a minute; ${verdict.text}`,
    observed: minute,
    first: tally.first,
    last: tally.last,
    examples: window.examples.tls_failure ?? [],
    facts: { failure: tally.failure, refused_by: tally.rejectedBy || 'not said', ...certificateFacts(tally) },
    blind: blindness(window),
    where: [`tls_failure = ${literal(tally.failure)}`],
  })
}

export function certificateFacts({
  peerIssuer,
  peerSerial,
  peerNotAfter,
  detail,
  addresses,
}: TlsTally): Record<string, string> {
  const facts: Record<string, string> = {}
  if (peerIssuer !== '') facts.issuer = peerIssuer
  if (peerSerial !== '') facts.serial = peerSerial
  if (peerNotAfter > 0) facts.not_after = new Date(peerNotAfter / 1000).toISOString()
  if (detail !== '') facts.proxy_says = detail
  if (addresses.length > 0) facts.addresses = addresses.join(', ')
  return facts
}

export function blindness(window: PairWindow): string {
  const reporters = new Set(window.tallies.map(({ reporter }) => reporter))
  if (!reporters.has('destination'))
    return "the destination's listener does not log handshakes; this is the caller's view"
  if (window.pair.sourceIdentity === '')
    return 'the caller is known by its address only: no declared workload lives there'
  return ''
}
