/**
 * Denials judged by themselves, because a busy pair dilutes any rate: the first by a policy, and a handful in an hour where the
 * week before had none.
 */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import { denialFinding, denialsOf, mainPolicy, NO_MODEL, policyName } from './denial-finding.ts'
import type { Finding, WindowGroup } from './detector.ts'
import { sourceName } from './finding.ts'
import type { PairWindow } from './window.ts'
import { counted } from './wording.ts'

const WEEK = 7 * DAY
const TEN_MINUTES = 10 * MINUTE
const MAX_POLICIES = 32
const LITTLE_HISTORY = 'too little history to say what is usual here'

type Count = [start: number, denials: number]

export interface DenialHistory {
  /** Policies that denied it: policy and first window. */
  policies: [policy: string, first: number][]
  /** Denials per ten minutes of the last hour, and per day of the last week. */
  tens: Count[]
  days: Count[]
}

export function freshHistory(): DenialHistory {
  return { policies: [], tens: [], days: [] }
}

export function absoluteDenials(
  group: WindowGroup,
  window: PairWindow,
  history: DenialHistory,
  hourlyDenials: number,
): Finding[] {
  const denials = denialsOf(window)
  if (denials.length === 0) return []
  const count = denials.reduce((sum, denial) => sum + denial.count, 0)
  const fresh = denials.map(({ policy }) => policy).filter((policy) => !history.policies.some(([p]) => p === policy))
  for (const policy of new Set(fresh)) history.policies.push([policy, group.start])
  history.policies = history.policies.slice(-MAX_POLICIES)
  const weekBefore = sumSince(history.days, group.start - WEEK) - sumSince(history.tens, group.start - HOUR)
  addCount(history.tens, floor(group.start, TEN_MINUTES), count, group.start - HOUR)
  addCount(history.days, floor(group.start, DAY), count, group.start - WEEK)
  const inHour = sumSince(history.tens, group.start - HOUR)
  const known = group.start - group.pairSince(window.key)
  const named = `${sourceName(window.pair)} at ${window.pair.destinationService}`
  if (inHour >= hourlyDenials && weekBefore < hourlyDenials) {
    // A day without denials of the pair, or of a destination that this caller is new to, is history enough.
    const assessable = Math.max(known, group.start - group.ownerSince) >= DAY
    return [
      denialFinding(group, window, {
        kind: 'absolute_hour',
        severity: assessable ? 'warning' : 'info',
        quietUs: HOUR,
        observed: inHour,
        expected: weekBefore / 168,
        summary: `${named} was denied ${counted(inHour, 'time')} within an hour, ${counted(weekBefore, 'time')} in the week before; decided by ${policyName(mainPolicy(window))}`,
        ...NO_MODEL,
        blind: assessable ? '' : LITTLE_HISTORY,
        facts: { week_before: weekBefore },
      }),
    ]
  }
  if (fresh.length === 0) return []
  return [
    denialFinding(group, window, {
      kind: 'absolute_first',
      severity: known >= WEEK ? 'warning' : 'info',
      quietUs: HOUR,
      observed: count,
      expected: 0,
      summary: `${named} was denied for the first time by ${policyName(fresh[0]!)}`,
      ...NO_MODEL,
      blind: known >= WEEK ? '' : LITTLE_HISTORY,
      facts: { known_for_days: Math.floor(known / DAY) },
    }),
  ]
}

function floor(time: number, step: number): number {
  return Math.floor(time / step) * step
}

function addCount(counts: Count[], start: number, denials: number, oldest: number): void {
  const same = counts.find(([at]) => at === start)
  if (same === undefined) counts.push([start, denials])
  else same[1] += denials
  const kept = counts.filter(([at]) => at > oldest)
  counts.splice(0, counts.length, ...kept)
}

function sumSince(counts: readonly Count[], since: number): number {
  return counts.reduce((sum, [at, denials]) => (at > since ? sum + denials : sum), 0)
}
