/**
 * Counting once across a window's border (docs/decisions/024-counting-once-across-windows.md). The two reports of a call end at
 * different moments, so they may lie in two windows. What one end has told and the other has not yet is carried over: it is taken
 * off what that other end tells later, where its count is the one that holds.
 */
import { OUTCOMES, type PairWindow, REPORTER_PRECEDENCE, WINDOW_US } from '../window.ts'

/** What a pair carries from one window to later ones. Plain data; none while nothing is open. */
export interface Crossing {
  /** Start of the last window in which `reporter` (its place in REPORTER_PRECEDENCE) was counted. */
  start: number
  reporter: number
  /** By place: calls that `reporter` has told and this one not yet. */
  lead: number[]
  /** Start of the last window in which a less preferred one was counted instead, which, and how many calls. */
  counted: { start: number; reporter: number; calls: number }
}

/** A report that comes later than this after the other end's belongs to no open call any more. */
const HORIZON_US = 6 * WINDOW_US

/** The outcomes of which one end's count holds, in the order in which repeats are taken off them. A denial never is. */
const SETTLED = ['ok', 'client_error', 'server_error'].map((name) =>
  OUTCOMES.indexOf(name as (typeof OUTCOMES)[number]),
)
const SOURCE = REPORTER_PRECEDENCE.indexOf('source')

/** Marks in the window what was counted before, and gives what to carry on; undefined where nothing is open. */
export function settle(window: PairWindow, carried: Crossing | undefined): Crossing | undefined {
  const calls = REPORTER_PRECEDENCE.map((reporter) => told(window, reporter))
  const chosen = calls.findIndex((n) => n > 0)
  const { start } = window
  const before = carried !== undefined && start - carried.start <= HORIZON_US ? carried : undefined
  if (chosen < 0) return before
  const due = before === undefined ? 0 : takeOff(window, chosen, repeated(before, chosen, calls, start))
  markPaths(window, before, chosen, due)
  if (before !== undefined && chosen > before.reporter) {
    const lead = before.lead.map((n, at) => Math.max(0, n - calls[at]!))
    return open({ ...before, lead, counted: { start, reporter: chosen, calls: calls[chosen]! - due } })
  }
  const known = before?.reporter === chosen ? before.lead : []
  const lead = calls.map((n, at) =>
    at <= chosen ? 0 : Math.min(calls[chosen]!, Math.max(0, (known[at] ?? 0) + calls[chosen]! - due - n)),
  )
  const counted = { start, reporter: chosen, calls: chosen === 0 ? 0 : calls[chosen]! - due }
  return open({ start, reporter: chosen, lead, counted })
}

function told({ tallies }: PairWindow, reporter: string): number {
  const outcomes = tallies.find((tally) => tally.reporter === reporter)?.outcomes
  const denied = outcomes?.[OUTCOMES.indexOf('denied')] ?? 0
  return SETTLED.reduce((sum, at) => sum + (outcomes?.[at] ?? 0), denied)
}

/** How many of the calls that `chosen` tells were counted in an earlier window by another's report. */
function repeated(
  { reporter, lead, counted }: Crossing,
  chosen: number,
  calls: readonly number[],
  start: number,
): number {
  if (chosen > reporter) return lead[chosen]!
  // Clocks differ by seconds at most, so a preferred end that comes second comes in the very next window.
  if (chosen >= counted.reporter || start - counted.start > WINDOW_US) return 0
  return Math.min(counted.calls, Math.max(0, calls[chosen]! - calls[counted.reporter]!))
}

function takeOff(window: PairWindow, chosen: number, most: number): number {
  const outcomes = window.tallies.find(({ reporter }) => reporter === REPORTER_PRECEDENCE[chosen])!.outcomes
  const again = OUTCOMES.map(() => 0)
  let left = most
  for (const at of SETTLED) {
    again[at] = Math.min(outcomes[at]!, left)
    left -= again[at]!
  }
  if (left < most) window.again = again
  return most - left
}

/** Operations hold no memory of their own: the pair's open calls are looked for among those that only one end told of. */
function markPaths(window: PairWindow, before: Crossing | undefined, chosen: number, due: number): void {
  if (before === undefined) return
  let late = before.reporter < SOURCE ? before.lead[SOURCE]! : 0
  let early = chosen < SOURCE ? due : 0
  for (const path of window.paths) {
    const again =
      path.byDestination === 0
        ? Math.min(path.bySource, late)
        : Math.min(Math.max(0, path.byDestination - path.bySource), early)
    if (again === 0) continue
    path.again = again
    if (path.byDestination === 0) late -= again
    else early -= again
  }
}

function open(crossing: Crossing): Crossing | undefined {
  return crossing.counted.calls > 0 || crossing.lead.some((n) => n > 0) ? crossing : undefined
}
