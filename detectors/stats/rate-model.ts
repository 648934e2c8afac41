/**
 * One key's rate judged at three time scales, each with a correlation of its own. Shared by denials, TLS failures and errors, which
 * differ in what they count and in how much change matters.
 */
import { HOUR, MINUTE } from '../../core/clock.ts'
import { type Drift, type DriftAlarm, type DriftRule, freshDrift, judgeDrift } from './drift.ts'
import {
  correlation,
  expectedChance,
  freshRate,
  learnRate,
  type RatePrior,
  type RateState,
  rateTail,
  smallestAlarm,
} from './rate.ts'
import { addWindow, freshRolling, type Rolling, SCALES, type Sums } from './rolling.ts'

export interface RateModel {
  /** One state per entry of SCALES. */
  scales: RateState[]
  rolling: Rolling
  /** Start of the running alarm and its last window; 0 where none was. */
  alarmSince: number
  alarmLast: number
  /** Absent in state that was written before there was an anchor: it starts anew. */
  drift?: Drift
}

export interface RateWindow {
  start: number
  hits: number
  trials: number
  /** Telemetry of this time is missing: it is judged by itself, and teaches nothing. */
  incomplete: boolean
}

export interface RateRule {
  p0: number
  minHits: number
  /** Smallest ratio to the expected rate, and smallest difference from it. */
  minRatio: number
  minDifference: number
}

export interface RateAlarm {
  scale: (typeof SCALES)[number]
  hits: number
  trials: number
  expected: number
  p: number
  detectable: number
  dispersion: number
}

/** After an alarm nothing is learned for so long, unless it goes on for RELEARN_US: then clipped. */
const FREEZE_US = MINUTE
const RELEARN_US = 6 * HOUR

export function freshRateModel(): RateModel {
  return { scales: SCALES.map(freshRate), rolling: freshRolling(), alarmSince: 0, alarmLast: 0 }
}

/** Windows and trials a key must have been seen for before its rate can be judged. */
export const LEARNING = { windows: 60, samples: 200 }

export function isLearned(state: RateState): boolean {
  return state.windows >= LEARNING.windows && state.samples >= LEARNING.samples
}

/**
 * Judges the window that starts at `start`, then learns it.
 * @param assessable false while too little is known: nothing is judged then, only learned
 */
export function judgeRate(
  model: RateModel,
  prior: RatePrior,
  rule: RateRule,
  window: RateWindow,
  assessable: boolean,
): RateAlarm | undefined {
  const { start } = window
  const { sums, minute, five } = window.incomplete
    ? { sums: [window], minute: undefined, five: undefined }
    : addWindow(model.rolling, start, window.hits, window.trials)
  let alarm: RateAlarm | undefined
  if (assessable && window.hits > 0) {
    for (let i = 0; i < sums.length && alarm === undefined; i += 1) {
      alarm = testScale(model.scales[i]!, prior, rule, SCALES[i]!, sums[i]!)
    }
  }
  if (alarm !== undefined) {
    if (start - model.alarmLast > FREEZE_US) model.alarmSince = start
    model.alarmLast = start
  }
  const alarming = isAlarming(model, start)
  if (window.incomplete || (alarming && start - model.alarmSince < RELEARN_US)) return alarm
  const learn = (scale: number, sum: Sums & { start: number }) =>
    learnRate(model.scales[scale]!, prior, { ...sum, windowUs: SCALES[scale]!.windows * 10_000_000, alarming })
  learn(0, window)
  if (minute !== undefined) learn(1, minute)
  if (five !== undefined) learn(2, five)
  return alarm
}

/** Compares days with the slow anchor. What comes with an alarm of the rate itself, after `judgeRate`, is left out. */
export function judgeSlowDrift(
  model: RateModel,
  prior: RatePrior,
  rule: DriftRule,
  window: RateWindow,
): DriftAlarm | undefined {
  if (window.incomplete || isAlarming(model, window.start)) return undefined
  model.drift ??= freshDrift()
  const longest = model.scales.at(-1)!
  const usualTrials = longest.samples / Math.max(1, longest.windows)
  const inflation = 1 + Math.max(0, usualTrials - 1) * correlation(longest)
  return judgeDrift(model.drift, prior, rule, window, inflation)
}

function isAlarming(model: RateModel, start: number): boolean {
  return model.alarmLast > 0 && start - model.alarmLast <= FREEZE_US
}

function testScale(
  state: RateState,
  prior: RatePrior,
  rule: RateRule,
  scale: (typeof SCALES)[number],
  { hits, trials }: Sums,
): RateAlarm | undefined {
  const chance = expectedChance(state, prior)
  if (hits < rule.minHits || hits / trials < rule.minRatio * chance) return undefined
  if (hits / trials - chance < rule.minDifference) return undefined
  const p = rateTail(state, prior, hits, trials)
  if (p >= rule.p0) return undefined
  return {
    scale,
    hits,
    trials,
    expected: chance * trials,
    p,
    detectable: Math.max(rule.minHits, smallestAlarm(state, prior, trials, rule.p0)),
    dispersion: correlation(state),
  }
}
