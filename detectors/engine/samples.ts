/**
 * Durations of both ends' reports for the same calls, chosen by the smallest hashes of the request id, so that both ends keep the
 * same ones. Joined only to measure the gap; never to count (the id is the caller's to choose).
 */
import { type Latency, type Quantiles, WINDOW_CAPS } from '../window.ts'

/** The clocks of two hosts may differ by so much and their records still belong to one call. */
const CLOCK_TOLERANCE_US = 5_000_000

interface Sample {
  hash: number
  check: number
  start: number
  durationUs: number
  stepUs: number
  /** Records with this id on this side; more than one is ambiguous. */
  times: number
}

export class SideSamples {
  #samples = new Map<number, Sample>()
  #limit = Number.POSITIVE_INFINITY

  /** False where a sample of this hash would not be kept: spares the caller the work of making it. */
  wants(hash: number): boolean {
    return hash <= this.#limit
  }

  add(hash: number, check: number, start: number, durationUs: number, stepUs: number): void {
    if (!this.wants(hash)) return
    const same = this.#samples.get(hash)
    if (same !== undefined) {
      same.times += 1
      // Which of them stays must not depend on the order in which they came.
      if (durationUs < same.durationUs || (durationUs === same.durationUs && start < same.start)) {
        Object.assign(same, { check, start, durationUs, stepUs })
      }
      return
    }
    this.#samples.set(hash, { hash, check, start, durationUs, stepUs, times: 1 })
    if (this.#samples.size >= WINDOW_CAPS.samples * 2) this.#cut()
  }

  /** In order of hash, at most WINDOW_CAPS.samples. */
  sorted(): readonly Sample[] {
    return this.#cut()
  }

  #cut(): Sample[] {
    const sorted = [...this.#samples.values()].sort((a, b) => a.hash - b.hash)
    if (sorted.length <= WINDOW_CAPS.samples) return sorted
    sorted.length = WINDOW_CAPS.samples
    this.#limit = sorted.at(-1)!.hash
    this.#samples = new Map(sorted.map((sample) => [sample.hash, sample]))
    return sorted
  }
}

/** Latency of a window from what both sides kept. */
export function joinSamples(source: SideSamples, destination: SideSamples): Latency {
  const bySource = source.sorted()
  const byDestination = new Map(destination.sorted().map((sample) => [sample.hash, sample]))
  const gaps: number[] = []
  let stepUs = 1
  let ambiguous = 0
  for (const outer of bySource) {
    const inner = byDestination.get(outer.hash)
    if (inner === undefined) continue
    const offset = inner.start - outer.start
    const nested =
      inner.durationUs <= outer.durationUs + Math.max(inner.stepUs, outer.stepUs) &&
      offset >= -CLOCK_TOLERANCE_US &&
      offset <= outer.durationUs + CLOCK_TOLERANCE_US
    if (outer.times > 1 || inner.times > 1 || inner.check !== outer.check || !nested) {
      ambiguous += 1
      continue
    }
    stepUs = Math.max(stepUs, inner.stepUs, outer.stepUs)
    gaps.push(Math.max(0, outer.durationUs - inner.durationUs))
  }
  return {
    source: quantiles(bySource),
    destination: quantiles([...byDestination.values()]),
    gap: gaps.length === 0 ? null : quantilesOf(gaps, stepUs),
    ambiguous,
  }
}

function quantiles(samples: readonly Sample[]): Quantiles | null {
  const single = samples.filter((sample) => sample.times === 1)
  if (single.length === 0) return null
  const stepUs = single.reduce((most, sample) => Math.max(most, sample.stepUs), 1)
  return quantilesOf(
    single.map((sample) => sample.durationUs),
    stepUs,
  )
}

/** Quantiles by linear interpolation between order statistics (type 7 of Hyndman and Fan). */
export function quantilesOf(values: readonly number[], stepUs: number): Quantiles {
  const sorted = Float64Array.from(values).sort()
  const at = (p: number): number => {
    const position = (sorted.length - 1) * p
    const below = Math.floor(position)
    const low = sorted[below]!
    return low + (position - below) * ((sorted[below + 1] ?? low) - low)
  }
  const sum = sorted.reduce((total, value) => total + value, 0)
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
