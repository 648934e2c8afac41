/**
 * The boiled frog: a rate that rises so slowly that each window looks usual beside what was learned of the day before. Whole days
 * are compared with an anchor whose half-life is seven days. A whole day holds the daily rhythm, three days in a row outlast a
 * weekend, and the anchor holds a week before it is asked. Days beyond it teach it no more than what it would still call usual.
 */
import { DAY } from '../../core/clock.ts'
import type { RatePrior } from './rate.ts'
import { betaBinomialTail } from './tails.ts'

type Sum = [hits: number, trials: number]

/** Plain data, about 120 bytes a key. */
export interface Drift {
  /** The day being counted, in days since the epoch, and its sum. */
  day: number
  today: Sum
  /** Decayed sum of the days before it, and how many they are. */
  anchor: Sum
  days: number
  /** Days in a row that were beyond the anchor, the first of them, and their sum. */
  run: number
  since: number
  beyond: Sum
}

export interface DriftRule {
  p0: number
  /** Fewest hits a day. */
  minHits: number
  /** Smallest increase of the share that matters. */
  minDifference: number
}

/** What the days in a row show. */
export interface DriftAlarm {
  days: number
  /** Start of the first of them (microseconds). */
  since: number
  hits: number
  trials: number
  /** Hits that the anchor expects in as many trials, and the fewest that would be beyond it. */
  expected: number
  detectable: number
  p: number
  /** Trials the anchor rests on. */
  anchorTrials: number
}

const DECAY = 0.5 ** (1 / 7)
const MIN_DAYS = 7
const MIN_TRIALS = 200
const PERSISTENCE = 3

export function freshDrift(): Drift {
  return { day: 0, today: [0, 0], anchor: [0, 0], days: 0, run: 0, since: 0, beyond: [0, 0] }
}

/**
 * Counts one window. The first one of a day judges the day before, and then learns it.
 * @param inflation how many times the variance of hits is what chance alone would make: windows differ by more than chance
 */
export function judgeDrift(
  drift: Drift,
  prior: RatePrior,
  rule: DriftRule,
  window: { start: number; hits: number; trials: number },
  inflation: number,
): DriftAlarm | undefined {
  const day = Math.floor(window.start / DAY)
  let alarm: DriftAlarm | undefined
  if (day > drift.day) {
    if (drift.today[1] > 0) alarm = closeDay(drift, prior, rule, inflation)
    drift.anchor = scaled(drift.anchor, drift.day === 0 ? 1 : DECAY ** (day - drift.day))
    drift.day = day
    drift.today = [0, 0]
  }
  drift.today[0] += window.hits
  drift.today[1] += window.trials
  return alarm
}

function closeDay(drift: Drift, prior: RatePrior, rule: DriftRule, inflation: number): DriftAlarm | undefined {
  const { today, anchor } = drift
  const [hits, trials] = today
  const chance = (anchor[0] + prior.chance * prior.weight) / (anchor[1] + prior.weight)
  const { minDifference } = rule
  // Twice the anchor; where that is too little or too much to ask, a part or a multiple of what matters in a window.
  const limit = chance + Math.min(Math.max(chance, minDifference / 4), 3 * minDifference)
  const known = drift.days >= MIN_DAYS && anchor[1] >= MIN_TRIALS
  const isBeyond = known && hits >= rule.minHits && hits >= limit * trials
  if (drift.run === 0) drift.since = drift.day
  drift.run = isBeyond ? drift.run + 1 : 0
  drift.beyond = isBeyond ? plus(drift.beyond, today) : [0, 0]
  drift.anchor = plus(anchor, [isBeyond ? Math.min(hits, 2 * chance * trials) : hits, trials])
  drift.days += 1
  if (drift.run < PERSISTENCE) return undefined
  const p = predictive(drift.beyond, anchor, prior, inflation)
  if (p >= rule.p0) return undefined
  const [runHits, runTrials] = drift.beyond
  return {
    days: drift.run,
    since: drift.since * DAY,
    hits: runHits,
    trials: runTrials,
    expected: chance * runTrials,
    detectable: Math.ceil(limit * runTrials),
    p,
    anchorTrials: Math.round(anchor[1]),
  }
}

/** P(as many hits or more | the anchor's own hits and trials), both worth less by the inflation. */
function predictive([hits, trials]: Sum, anchor: Sum, prior: RatePrior, inflation: number): number {
  const a = anchor[0] / inflation + prior.chance * prior.weight
  const b = (anchor[1] - anchor[0]) / inflation + (1 - prior.chance) * prior.weight
  return betaBinomialTail(Math.floor(hits / inflation), Math.ceil(trials / inflation), a, b)
}

function plus([hits, trials]: Sum, [moreHits, moreTrials]: Sum): Sum {
  return [hits + moreHits, trials + moreTrials]
}

function scaled([hits, trials]: Sum, by: number): Sum {
  return [hits * by, trials * by]
}
