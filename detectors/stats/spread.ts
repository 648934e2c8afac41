/**
 * Median of absolute deviations over about the last thousand values, in 64 logarithmic bins: what a ring of all values would say
 * within the width of a bin, in a tenth of the memory. Plain data: counts, halved when they reach twice the span.
 */
export type SpreadBins = number[]

const BINS = 64
const SMALLEST = 1
/** 1 us to a minute in 62 steps of a third. */
const STEP = Math.log(6e7 / SMALLEST) / (BINS - 2)
const SPAN = 720
/** Of a normal distribution, the standard deviation over the median absolute deviation. */
const NORMAL = 1.4826

export function freshSpread(): SpreadBins {
  return new Array<number>(BINS).fill(0)
}

export function addDeviation(bins: SpreadBins, deviation: number): void {
  const size = Math.abs(deviation)
  const bin = size < SMALLEST ? 0 : Math.min(BINS - 1, 1 + Math.floor(Math.log(size / SMALLEST) / STEP))
  bins[bin]! += 1
  if (count(bins) >= 2 * SPAN) for (let i = 0; i < BINS; i += 1) bins[i] = bins[i]! >> 1
}

/** Robust standard deviation, interpolated within the bin; 0 where nothing was added. */
export function robustDeviation(bins: SpreadBins): number {
  const half = count(bins) / 2
  if (half === 0) return 0
  let below = 0
  for (let bin = 0; bin < BINS; bin += 1) {
    const own = bins[bin]!
    if (below + own >= half) {
      const low = bin === 0 ? 0 : SMALLEST * Math.exp((bin - 1) * STEP)
      const high = SMALLEST * Math.exp(bin * STEP)
      return NORMAL * (low + ((half - below) / own) * (high - low))
    }
    below += own
  }
  return 0
}

function count(bins: SpreadBins): number {
  let sum = 0
  for (let i = 0; i < BINS; i += 1) sum += bins[i]!
  return sum
}
