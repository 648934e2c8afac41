/**
 * The rate of rare events among trials, window by window, whose chance wanders: beta-binomial with a correlation within the
 * window that is learned from the variance between windows. Without it, real traffic's overdispersion floods the pager.
 */
import { betaBinomialTail } from './tails.ts'

/** Plain data: about seven numbers a key and time scale. */
export interface RateState {
  /** Decayed successes and trials, without the prior. */
  hits: number
  trials: number
  /** Decayed sums from which the correlation comes. */
  spread: number
  spreadTrials: number
  /** Windows and undecayed trials learned from. */
  windows: number
  samples: number
  /** Start of the last window learned from (microseconds). */
  last: number
}

/** What a key is worth before it has data of its own: expected chance, and how many trials that opinion weighs. */
export interface RatePrior {
  chance: number
  weight: number
}

export const DEFAULT_PRIOR: RatePrior = { chance: 0.01, weight: 50 }

/** Decay of one window of ten seconds: a day. */
const DAY_WINDOWS = 8640
const RHO_MIN = 1e-4
const RHO_MAX = 0.5
const RHO_START = 0.002
const RHO_START_TRIALS = 500

export function freshRate(): RateState {
  return { hits: 0, trials: 0, spread: 0, spreadTrials: 0, windows: 0, samples: 0, last: 0 }
}

/** A key's prior from its owner's state: the owner's chance, between a tenth and five times the default. */
export function priorFrom(owner: RateState): RatePrior {
  if (owner.trials < DEFAULT_PRIOR.weight) return DEFAULT_PRIOR
  const clipped = Math.min(5, Math.max(0.1, owner.hits / owner.trials / DEFAULT_PRIOR.chance))
  return { chance: (0.5 * clipped) / DEFAULT_PRIOR.weight, weight: DEFAULT_PRIOR.weight }
}

export function expectedChance(state: RateState, prior: RatePrior): number {
  return (state.hits + prior.chance * prior.weight) / (state.trials + prior.weight)
}

/** Correlation of two trials of one window: how far windows differ beyond chance. */
export function correlation(state: RateState): number {
  const start = RHO_START * RHO_START_TRIALS
  return Math.min(RHO_MAX, Math.max(RHO_MIN, (state.spread + start) / (state.spreadTrials + RHO_START_TRIALS)))
}

/** P(at least `hits` of `trials`) under what was learned so far. */
export function rateTail(state: RateState, prior: RatePrior, hits: number, trials: number): number {
  const chance = expectedChance(state, prior)
  const concentration = 1 / correlation(state) - 1
  return betaBinomialTail(hits, trials, chance * concentration, (1 - chance) * concentration)
}

/** Learns one window. While alarming, at most three times the expected hits count, so that an attack does not teach itself in. */
export function learnRate(
  state: RateState,
  prior: RatePrior,
  window: { hits: number; trials: number; start: number; windowUs: number; alarming: boolean },
): void {
  const { trials, start, windowUs } = window
  if (trials <= 0) return
  const chance = expectedChance(state, prior)
  const hits = window.alarming ? Math.min(window.hits, Math.ceil(3 * chance * trials)) : window.hits
  // Idle windows decay when the next one comes.
  const idle = state.last === 0 ? 1 : Math.max(1, Math.round((start - state.last) / windowUs))
  const decay = (1 - 1 / DAY_WINDOWS) ** (idle * (windowUs / 10_000_000))
  if (trials > 1) {
    const residual = (hits - trials * chance) ** 2 / (chance * (1 - chance))
    state.spread = Math.max(0, decay * state.spread + Math.min(residual - trials, trials * (trials - 1)))
    state.spreadTrials = decay * state.spreadTrials + trials * (trials - 1)
  }
  state.hits = decay * state.hits + hits
  state.trials = decay * state.trials + trials
  state.windows += 1
  state.samples += trials
  state.last = start
}

/** Smallest number of hits in `trials` that would be as improbable as `p0`: what the test could have seen. */
export function smallestAlarm(state: RateState, prior: RatePrior, trials: number, p0: number): number {
  let low = 0
  let high = trials + 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (rateTail(state, prior, middle, trials) < p0) high = middle
    else low = middle
  }
  return high
}
