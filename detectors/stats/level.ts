/**
 * A level that wanders slowly: exponentially weighted mean with clipped steps, the spread of what it leaves over, and an anchor that
 * moves so slowly that it shows where the level has drifted to. Plain data.
 */
import { addDeviation, freshSpread, robustDeviation, type SpreadBins } from './spread.ts'

export interface Level {
  /** Mean of each followed quantile. */
  mean: number[]
  anchor: number
  spread: SpreadBins
  samples: number
}

/** One step's weight at most; each step moves by at most a tenth of the level. */
const ALPHA = 1 / 360
const CLIP = 0.1
/** Values before steps are clipped: a first guess needs room to become right. */
const WARM = 30
/** Half-life of seven days at one value a minute. */
const ANCHOR_ALPHA = Math.LN2 / (7 * 1440)

export function freshLevel(width: number): Level {
  return { mean: new Array<number>(width).fill(0), anchor: 0, spread: freshSpread(), samples: 0 }
}

/**
 * Learns one value of each followed quantile.
 * @param left what was left of the value when expectation and common mode were taken away
 * @param slowness 1, or more to learn with caution
 */
export function learnLevel(level: Level, values: readonly number[], left: number, slowness = 1): void {
  const alpha = Math.max(ALPHA, 1 / (level.samples + 1)) / slowness
  level.mean = level.mean.map((mean, i) => {
    const step = values[i]! - mean
    const most = level.samples < WARM ? Number.POSITIVE_INFINITY : CLIP * Math.abs(mean)
    return mean + alpha * Math.max(-most, Math.min(most, step))
  })
  if (level.samples >= WARM) addDeviation(level.spread, left)
  level.samples += 1
  // The plain mean at first: a start at night must not be what days are measured by.
  level.anchor += Math.max(ANCHOR_ALPHA, 1 / level.samples) * (average(level.mean) - level.anchor)
}

export function deviationOf(level: Level): number {
  return robustDeviation(level.spread)
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Median by the mean of the middle two; 0 of nothing. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
