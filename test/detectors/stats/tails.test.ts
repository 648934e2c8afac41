import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  betaBinomialTail,
  logGamma,
  negativeBinomialLowerTail,
  negativeBinomialTail,
} from '../../../detectors/stats/tails.ts'

// Tables: exact rational arithmetic and 60-digit decimals.
const LOG_GAMMA = [
  [0.001, 6.907178885383854],
  [0.5, 0.5723649429247004],
  [1.5, -0.12078223763524543],
  [10, 12.801827480081467],
  [100.5, 361.4355404677776],
  [10000, 82099.71749644238],
  [1000000, 12815504.569147611],
] as const

const BETA_BINOMIAL = [
  [1, 10, 0.5, 49.5, 8.828352094016059e-2],
  [5, 10, 0.5, 49.5, 1.288940159537947e-5],
  [5, 50, 0.01, 499.0, 1.148413032995552e-8],
  [10, 50, 0.5, 999.0, 4.346866568919748e-15],
  [30, 200, 5.0, 495.0, 1.415779003426106e-13],
  [3, 3, 0.1, 100.0, 2.235635538646202e-7],
  [9, 10, 0.05, 9999.0, 2.296964898748128e-32],
  [20, 1000, 2.0, 998.0, 9.711063294694187e-6],
  [60, 1000, 10.0, 990.0, 5.928637009545759e-11],
  [100, 100, 3.5, 2.5, 3.254143741250526e-4],
  [5, 5, 0.001, 9999.0, 2.40380027830178e-22],
  [6, 40, 0.005, 5000.0, 1.43543425512425e-16],
  [250, 500, 50.0, 50.0, 5.07264864679003e-1],
] as const

const NEGATIVE_BINOMIAL = [
  [5, 0.01, 1, 9.514656876067488e-11],
  [11, 0.01, 1, 8.963237175178052e-23],
  [10, 2, 0.1, 3.517616465641592e-4],
  [30, 10, 0.05, 5.870963395339971e-5],
  [60, 20, 0.02, 6.545023640820525e-9],
  [5, 0.05, 0.5, 5.073572868566444e-8],
  [100, 50, 0, 3.200065324585125e-10],
  [20, 3, 0, 8.314423588191699e-11],
  [8, 10, 0.3, 5.941907733563261e-1],
  [500, 200, 0.1, 2.854991737754314e-4],
  [3, 5, 0, 8.753479805169189e-1],
] as const

function relative(value: number, exact: number): number {
  return Math.abs(value / exact - 1)
}

describe('tails', () => {
  test.each(LOG_GAMMA)('log-gamma of %d agrees with the table to ten digits', (x, exact) => {
    expect(relative(logGamma(x), exact)).toBeLessThan(1e-10)
  })

  test.each(BETA_BINOMIAL)('P(X >= %d) of beta-binomial(%d, %d, %d) agrees to eight digits', (k, n, a, b, exact) => {
    expect(relative(betaBinomialTail(k, n, a, b), exact)).toBeLessThan(1e-8)
  })

  test.each(NEGATIVE_BINOMIAL)('P(X >= %d) of NB(mean %d, dispersion %d) agrees to eight digits', (k, m, d, exact) => {
    expect(relative(negativeBinomialTail(k, m, d), exact)).toBeLessThan(1e-8)
  })

  test('a tail never grows with k, and is a probability', () => {
    const size = fc.integer({ min: 1, max: 300 })
    const shape = fc.double({ min: 1e-3, max: 1e3, noNaN: true })
    fc.assert(
      fc.property(size, shape, shape, (n, a, b) => {
        let last = 1
        for (let k = 0; k <= n; k += Math.max(1, Math.floor(n / 9))) {
          const p = betaBinomialTail(k, n, a, b)
          expect(p).toBeGreaterThanOrEqual(0)
          expect(p).toBeLessThanOrEqual(last * (1 + 1e-9))
          last = p
        }
      }),
    )
  })

  test('both tails of a negative binomial add up to one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (k, mean, dispersion) => {
          const sum = negativeBinomialTail(k, mean, dispersion) + negativeBinomialLowerTail(k - 1, mean, dispersion)
          expect(sum).toBeCloseTo(1, 7)
        },
      ),
    )
  })

  test('what cannot be is 0 and what must be is 1', () => {
    expect(betaBinomialTail(0, 5, 1, 1)).toBe(1)
    expect(betaBinomialTail(6, 5, 1, 1)).toBe(0)
    expect(negativeBinomialTail(0, 3, 0.5)).toBe(1)
    expect(negativeBinomialLowerTail(-1, 3, 0.5)).toBe(0)
  })
})
