import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { average, deviationOf, freshLevel, learnLevel, medianOf } from '../../../detectors/stats/level.ts'
import { addDeviation, freshSpread, robustDeviation } from '../../../detectors/stats/spread.ts'
import { normal, seeded } from '../world.ts'

describe('a spread', () => {
  test('gives the standard deviation of normal noise within a bin, whatever its size', () => {
    for (const sd of [20, 500, 40_000]) {
      const random = seeded(sd)
      const bins = freshSpread()
      for (let i = 0; i < 5000; i += 1) addDeviation(bins, sd * normal(random))
      expect(robustDeviation(bins) / sd).toBeGreaterThan(0.75)
      expect(robustDeviation(bins) / sd).toBeLessThan(1.3)
    }
  })

  test('is not moved by a tenth of wild values', () => {
    const random = seeded(2)
    const bins = freshSpread()
    for (let i = 0; i < 1000; i += 1) addDeviation(bins, i % 10 === 0 ? 1e7 : 100 * normal(random))
    expect(robustDeviation(bins)).toBeLessThan(180)
  })

  test('holds any number without growing', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e15, max: 1e15 }), { maxLength: 50 }), (values) => {
        const bins = freshSpread()
        for (const value of values) addDeviation(bins, value)
        expect(bins.length).toBe(64)
        expect(robustDeviation(bins)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('a level', () => {
  test('moves by no more than a tenth of itself times its weight for one wild value', () => {
    const level = freshLevel(3)
    for (let i = 0; i < 400; i += 1) learnLevel(level, [400, 450, 500], 0)
    const before = average(level.mean)
    learnLevel(level, [1e9, 1e9, 1e9], 0)
    expect(average(level.mean) - before).toBeLessThan((0.1 * before) / 360 + 1e-9)
  })

  test('follows its values and knows their spread', () => {
    const random = seeded(5)
    const level = freshLevel(1)
    for (let i = 0; i < 2000; i += 1) {
      const value = 1000 + 50 * normal(random)
      learnLevel(level, [value], value - level.mean[0]!)
    }
    expect(level.mean[0]).toBeGreaterThan(980)
    expect(level.mean[0]).toBeLessThan(1020)
    expect(deviationOf(level)).toBeGreaterThan(35)
    expect(deviationOf(level)).toBeLessThan(70)
  })

  test('median of an even number is the mean of the middle two', () => {
    expect(medianOf([4, 1, 3, 2])).toBe(2.5)
    expect(medianOf([])).toBe(0)
  })
})
