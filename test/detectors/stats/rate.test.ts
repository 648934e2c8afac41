import { describe, expect, test } from 'vitest'
import { SECOND } from '../../../core/clock.ts'
import {
  correlation,
  DEFAULT_PRIOR,
  expectedChance,
  freshRate,
  learnRate,
  rateTail,
} from '../../../detectors/stats/rate.ts'
import { freshRateModel, judgeRate, type RateAlarm } from '../../../detectors/stats/rate-model.ts'
import { normal, seeded } from '../world.ts'

const WINDOW = 10 * SECOND
const RULE = { p0: 4e-9, minHits: 5, minRatio: 3, minDifference: 0.02 }

function binomial(n: number, p: number, random: () => number): number {
  let hits = 0
  for (let i = 0; i < n; i += 1) if (random() < p) hits += 1
  return hits
}

function run(windows: number, hitsOf: (i: number) => number, trials = 50, incomplete = (_: number) => false) {
  const model = freshRateModel()
  const alarms: (RateAlarm & { at: number })[] = []
  for (let i = 0; i < windows; i += 1) {
    const alarm = judgeRate(
      model,
      DEFAULT_PRIOR,
      RULE,
      { start: (i + 1) * WINDOW, hits: hitsOf(i), trials, incomplete: incomplete(i) },
      i >= 60,
    )
    if (alarm !== undefined) alarms.push({ ...alarm, at: i })
  }
  return { model, alarms }
}

describe('a rate', () => {
  test('whose chance wanders by a quarter, with a memory of minutes, raises nothing in five days', () => {
    const random = seeded(3)
    let wander = 0
    const { alarms, model } = run(5 * 8640, () => {
      wander = 0.95 * wander + 0.08 * normal(random)
      return binomial(50, Math.min(0.5, 0.02 * Math.exp(wander)), random)
    })
    expect(alarms).toEqual([])
    expect(correlation(model.scales[0]!)).toBeGreaterThan(0.0003)
  })

  test('that rises by ten points is found within a minute', () => {
    const random = seeded(4)
    const { alarms } = run(2000, (i) => binomial(50, i >= 1990 ? 0.1 : 0.001, random))
    expect(alarms[0]?.at).toBeGreaterThanOrEqual(1990)
    expect(alarms[0]?.at).toBeLessThan(1996)
  })

  test('does not learn while it alarms, so an attack does not become usual', () => {
    const { model, alarms } = run(1000, (i) => (i >= 700 ? 25 : 0))
    expect(expectedChance(model.scales[0]!, DEFAULT_PRIOR)).toBeLessThan(0.001)
    expect(alarms.length).toBe(300)
    expect(alarms.at(-1)!.p).toBeLessThan(RULE.p0)
  })

  test('is judged in an incomplete window, and learns nothing from it', () => {
    const during = run(
      900,
      (i) => (i === 850 ? 40 : i > 700 ? 3 : 0),
      50,
      (i) => i > 700,
    )
    expect(during.alarms.map(({ at }) => at)).toEqual([850])
    expect(during.model.scales).toEqual(run(701, () => 0).model.scales)
  })

  test('is not judged before it is assessable', () => {
    expect(run(60, () => 50).alarms).toEqual([])
  })

  test('forgets over idle time as if windows had passed', () => {
    const busy = freshRate()
    const idle = freshRate()
    const learn = (state: typeof busy, start: number, trials: number, hits: number) =>
      learnRate(state, DEFAULT_PRIOR, { hits, trials, start, windowUs: WINDOW, alarming: false })
    learn(busy, WINDOW, 100, 10)
    learn(idle, WINDOW, 100, 10)
    for (let i = 2; i < 100; i += 1) learn(busy, i * WINDOW, 1e-9, 0)
    learn(busy, 100 * WINDOW, 100, 0)
    learn(idle, 100 * WINDOW, 100, 0)
    expect(idle.hits).toBeCloseTo(busy.hits, 6)
  })

  test('with nothing learned follows its prior', () => {
    expect(rateTail(freshRate(), DEFAULT_PRIOR, 1, 1)).toBeCloseTo(DEFAULT_PRIOR.chance, 8)
  })
})
