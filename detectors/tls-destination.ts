/**
 * Failures that are the destination's own: it was refused, or most of its callers fail alike, as in a botched rotation. One
 * finding a class and window, whoever was hit (docs/decisions/023-tls-attribution.md).
 */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Finding, WindowGroup } from './detector.ts'
import { literal } from './evidence-sql.ts'
import { EMPTY_KEY, sourceName } from './finding.ts'
import { failureClass, type TlsFailures } from './tls-count.ts'
import { blindness, certificateFacts, tlsFinding } from './tls-finding.ts'
import { addRecent, type DestinationMemory } from './tls-memory.ts'
import { fanVerdictOf, type Verdict } from './tls-verdict.ts'
import type { PairWindow } from './window.ts'
import { counted, listed } from './wording.ts'

const ACTIVE_US = 10 * MINUTE

/** One caller's failures of one class, and what they mean by themselves. */
export interface Hit {
  window: PairWindow
  failures: TlsFailures
  verdict: Verdict
}

export function activeCallers(group: WindowGroup): number {
  return group.activePairs(group.start - ACTIVE_US)
}

/** Classes of failure that most callers of this destination show. */
export function fansOf(
  group: WindowGroup,
  { failing }: DestinationMemory,
  { fanCallers, fanShare }: { fanCallers: number; fanShare: number },
): Set<string> {
  const callers = new Map<string, Set<number>>()
  for (const [failure, pair] of failing) {
    callers.set(failure, (callers.get(failure) ?? new Set<number>()).add(pair))
  }
  const fans = new Set<string>()
  for (const [failure, pairs] of callers) {
    if (pairs.size < fanCallers) continue
    if (pairs.size >= fanShare * activeCallers(group)) fans.add(failure)
  }
  return fans
}

export function destinationFindings(
  group: WindowGroup,
  memory: DestinationMemory,
  hits: readonly Hit[],
  fans: ReadonlySet<string>,
): Finding[] {
  const byClass = new Map<string, { verdict: Verdict; hits: Hit[] }>()
  for (const hit of hits) {
    const { tally } = hit.failures
    const name = failureClass(tally)
    const verdict = destinationVerdict(hit.verdict, tally.failure, fans.has(name))
    if (verdict === undefined) continue
    const entry = byClass.get(name) ?? { verdict, hits: [] }
    entry.hits.push(hit)
    byClass.set(name, entry)
  }
  return [...byClass]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { verdict, hits: own }]) => {
      const total = own.reduce((sum, { failures }) => sum + failures.count, 0)
      const minute = addRecent(memory, name, group.start, total)
      return minute < verdict.least ? [] : [destinationFinding(group, memory, verdict, own, minute)]
    })
}

function destinationVerdict(verdict: Verdict, failure: string, fan: boolean): Verdict | undefined {
  if (verdict.byRate) return undefined
  if (verdict.fault === 'destination') return verdict
  return fan ? fanVerdictOf(verdict, failure) : undefined
}

function destinationFinding(
  group: WindowGroup,
  { issuers }: DestinationMemory,
  verdict: Verdict,
  hits: readonly Hit[],
  minute: number,
): Finding {
  const { window, failures } = hits[0]!
  const key = { ...EMPTY_KEY, destinationService: group.owner }
  const callers = hits.map((hit) => sourceName(hit.window.pair))
  const newest = issuers.reduce((latest, [, since]) => Math.max(latest, since), 0)
  const changed = issuers.length > 1 && newest > group.start - DAY
  return tlsFinding(group, {
    verdict,
    key,
    incidentKey: key,
    summary: `${group.owner}: ${counted(minute, 'handshake')} of ${hits.length === 1 ? callers[0] : counted(hits.length, 'caller')} failed within a minute; ${verdict.text}`,
    observed: minute,
    first: Math.min(...hits.map((hit) => hit.failures.tally.first)),
    last: Math.max(...hits.map((hit) => hit.failures.tally.last)),
    examples: hits.flatMap((hit) => hit.window.examples.tls_failure ?? []).slice(0, 3),
    facts: {
      failure: failures.tally.failure,
      callers: listed(callers, 8),
      active_callers: activeCallers(group),
      ...(changed ? { issuer_changed_hours_ago: Math.floor((group.start - newest) / HOUR) } : {}),
      ...certificateFacts(failures.tally),
    },
    blind: blindness(window),
    where: [`tls_failure = ${literal(failures.tally.failure)}`],
  })
}
