/**
 * Tails of counting distributions: log-gamma at the first term, then ratios of neighbouring terms until they no longer matter.
 * About eight digits, also far out where a tail is 1e-12 and less (tests tabulate them).
 */
import { gammaln } from 'simple-statistics'

/** ln Γ(x), x > 0. */
export const logGamma = gammaln

export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
}

/** Terms below this share of the sum end it. */
const NEGLIGIBLE = 1e-14

/** Sum of terms whose first is exp(`logFirst`) and whose ratio at step j is `ratio(j)`, at most `terms` of them; at most 1. */
function sumTerms(logFirst: number, terms: number, ratio: (j: number) => number): number {
  let sum = 1
  let term = 1
  for (let j = 0; j < terms - 1; j += 1) {
    const factor = ratio(j)
    term *= factor
    sum += term
    // Terms may first rise: only falling ones can be left out.
    if (factor < 1 && term < sum * NEGLIGIBLE * (1 - factor)) break
  }
  return Math.min(1, Math.exp(logFirst + Math.log(sum)))
}

/** P(X >= k) for X beta-binomial: n trials, the chance of success drawn from Beta(a, b). */
export function betaBinomialTail(k: number, n: number, a: number, b: number): number {
  if (k <= 0) return 1
  if (k > n) return 0
  const logFirst = logChoose(n, k) + logBeta(k + a, n - k + b) - logBeta(a, b)
  return sumTerms(logFirst, n - k + 1, (step) => {
    const j = k + step
    return ((n - j) / (j + 1)) * ((j + a) / (n - j - 1 + b))
  })
}

/** P(X >= k) for X negative binomial with mean `mean` and variance mean + dispersion * mean²; Poisson where dispersion is 0. */
export function negativeBinomialTail(k: number, mean: number, dispersion: number): number {
  if (k <= 0) return 1
  if (mean <= 0) return 0
  // Far below the mean the lower tail is the shorter sum.
  if (k < mean) return 1 - negativeBinomialLowerTail(k - 1, mean, dispersion)
  const logFirst = negativeBinomialLog(k, mean, dispersion)
  return sumTerms(logFirst, Number.MAX_SAFE_INTEGER, (step) => negativeBinomialRatio(k + step, mean, dispersion))
}

/** P(X <= k) of the same. */
export function negativeBinomialLowerTail(k: number, mean: number, dispersion: number): number {
  if (k < 0) return 0
  if (mean <= 0) return 1
  const logFirst = negativeBinomialLog(k, mean, dispersion)
  return sumTerms(logFirst, k + 1, (step) => 1 / negativeBinomialRatio(k - step - 1, mean, dispersion))
}

/** Below it the Poisson limit is exact to all digits we have, and 1 / dispersion would drown them. */
const POISSON_BELOW = 1e-9

function negativeBinomialLog(k: number, mean: number, dispersion: number): number {
  if (dispersion < POISSON_BELOW) return k * Math.log(mean) - mean - logGamma(k + 1)
  const size = 1 / dispersion
  const overSize = Math.log1p(mean / size)
  return (
    logGamma(k + size) - logGamma(size) - logGamma(k + 1) - size * overSize + k * (Math.log(mean / size) - overSize)
  )
}

/** P(X = k + 1) / P(X = k). */
function negativeBinomialRatio(k: number, mean: number, dispersion: number): number {
  if (dispersion < POISSON_BELOW) return mean / (k + 1)
  const size = 1 / dispersion
  return ((k + size) / (k + 1)) * (mean / (mean + size))
}
