/**
 * Durations of both ends' reports for the same calls, chosen by the smallest hashes of the request id, so that both ends keep the
 * same ones. Joined only to measure the gap; never to count (the id is the caller's to choose).
 */
import { type Latency, type Quantiles, WINDOW_CAPS } from '../window.ts'

/** The clocks of two hosts may differ by so much and their records still belong to one call. */
const CLOCK_TOLERANCE_US = 5_000_000

/** A sample is so many numbers in a row: its own, and how many records have this id on this side (more than one is ambiguous). */
const FIELDS = 6
const [HASH, CHECK, START, DURATION, STEP, TIMES] = [0, 1, 2, 3, 4, 5] as const

/** Samples gathered before they are put in order and cut. */
const ROOM = WINDOW_CAPS.samples * 2

export class SideSamples {
  #values: number[] = []
  #limit = Number.POSITIVE_INFINITY

  /** False where a sample of this hash would not be kept: spares the caller the work of making it. */
  wants(hash: number): boolean {
    return hash <= this.#limit
  }

  add(hash: number, check: number, start: number, durationUs: number, stepUs: number): void {
    if (!this.wants(hash)) return
    this.#values.push(hash, check, start, durationUs, stepUs, 1)
    if (this.#values.length >= ROOM * FIELDS) this.sorted()
  }

  /** Numbers of at most WINDOW_CAPS.samples samples in order of hash, each hash once. */
  sorted(): readonly number[] {
    const all = this.#values
    const kept: number[] = []
    let last = -1
    let lastAt = -1
    for (const at of order(all)) {
      const hash = all[at + HASH]!
      if (hash === last) {
        kept[lastAt + TIMES]! += all[at + TIMES]!
        if (isBefore(all, at, kept, lastAt)) {
          for (let field = CHECK; field <= STEP; field += 1) kept[lastAt + field] = all[at + field]!
        }
        continue
      }
      if (kept.length === WINDOW_CAPS.samples * FIELDS) {
        this.#limit = last
        break
      }
      lastAt = kept.length
      last = hash
      for (let field = HASH; field <= TIMES; field += 1) kept.push(all[at + field]!)
    }
    this.#values = kept
    return kept
  }
}

/** Where each sample begins, in order of hash. */
function order(values: readonly number[]): number[] {
  const count = values.length / FIELDS
  const keys = new Float64Array(count)
  // A hash has 32 bits and a place in the list less than 10: both fit a number.
  for (let i = 0; i < count; i += 1) keys[i] = values[i * FIELDS + HASH]! * 1024 + i
  keys.sort()
  return Array.from({ length: count }, (_, i) => (keys[i]! % 1024) * FIELDS)
}

/** Which of two records with one id stays must not depend on the order in which they came. */
function isBefore(a: readonly number[], at: number, b: readonly number[], bt: number): boolean {
  const duration = a[at + DURATION]! - b[bt + DURATION]!
  return duration < 0 || (duration === 0 && a[at + START]! < b[bt + START]!)
}

/** Latency of a window from what both sides kept. */
export function joinSamples(source: SideSamples, destination: SideSamples): Latency {
  const outer = source.sorted()
  const inner = destination.sorted()
  const gaps: number[] = []
  let stepUs = 1
  let ambiguous = 0
  let to = 0
  for (let at = 0; at < outer.length; at += FIELDS) {
    while (to < inner.length && inner[to + HASH]! < outer[at + HASH]!) to += FIELDS
    if (to === inner.length) break
    if (inner[to + HASH] !== outer[at + HASH]) continue
    if (!isOneCall(outer, at, inner, to)) {
      ambiguous += 1
      continue
    }
    stepUs = Math.max(stepUs, inner[to + STEP]!, outer[at + STEP]!)
    gaps.push(Math.max(0, outer[at + DURATION]! - inner[to + DURATION]!))
  }
  return {
    source: quantiles(outer),
    destination: quantiles(inner),
    gap: gaps.length === 0 ? null : quantilesOf(gaps, stepUs),
    ambiguous,
  }
}

/** Each the only record of its id on its side, and the destination's within the source's. */
function isOneCall(outer: readonly number[], at: number, inner: readonly number[], to: number): boolean {
  if (outer[at + TIMES]! > 1 || inner[to + TIMES]! > 1 || outer[at + CHECK] !== inner[to + CHECK]) return false
  const offset = inner[to + START]! - outer[at + START]!
  return (
    inner[to + DURATION]! <= outer[at + DURATION]! + Math.max(inner[to + STEP]!, outer[at + STEP]!) &&
    offset >= -CLOCK_TOLERANCE_US &&
    offset <= outer[at + DURATION]! + CLOCK_TOLERANCE_US
  )
}

function quantiles(samples: readonly number[]): Quantiles | null {
  const durations: number[] = []
  let stepUs = 1
  for (let at = 0; at < samples.length; at += FIELDS) {
    if (samples[at + TIMES] !== 1) continue
    durations.push(samples[at + DURATION]!)
    stepUs = Math.max(stepUs, samples[at + STEP]!)
  }
  return durations.length === 0 ? null : quantilesOf(durations, stepUs)
}

/** Quantiles by linear interpolation between order statistics (type 7 of Hyndman and Fan). */
export function quantilesOf(values: readonly number[], stepUs: number): Quantiles {
  const sorted = new Float64Array(values).sort()
  const at = (p: number): number => {
    const position = (sorted.length - 1) * p
    const below = Math.floor(position)
    const low = sorted[below]!
    return low + (position - below) * ((sorted[below + 1] ?? low) - low)
  }
  let sum = 0
  for (const value of sorted) sum += value
  return {
    samples: sorted.length,
    mean: sum / sorted.length,
    q10: at(0.1),
    q25: at(0.25),
    q50: at(0.5),
    q95: at(0.95),
    stepUs,
  }
}
