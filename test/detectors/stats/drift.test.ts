import { pack, unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../../core/clock.ts'
import type { DriftAlarm } from '../../../detectors/stats/drift.ts'
import { DEFAULT_PRIOR } from '../../../detectors/stats/rate.ts'
import { freshRateModel, judgeRate, judgeSlowDrift, type RateModel } from '../../../detectors/stats/rate-model.ts'
import { normal, seeded } from '../world.ts'

/** Sparse, so that three weeks take a second. */
const WINDOW = MINUTE
const RULE = { p0: 4e-9, minHits: 5, minRatio: 3, minDifference: 0.02 }
/** A Monday. */
const START = Date.UTC(2026, 0, 5) * 1000

interface Found {
  alarms: number[]
  drifts: (DriftAlarm & { day: number })[]
  model: RateModel
}

/** Windows of twenty calls, each failing with the chance of its time. Times are given in days from the start. */
function run(days: number, chance: (day: number) => number, seed = 1, model = freshRateModel(), from = 0): Found {
  const random = seeded(seed)
  const found: Found = { alarms: [], drifts: [], model }
  for (let at = from * DAY; at < days * DAY; at += WINDOW) {
    const p = chance(at / DAY)
    let hits = 0
    for (let i = 0; i < 20; i += 1) if (random() < p) hits += 1
    const window = { start: START + at, hits, trials: 20, incomplete: false }
    if (judgeRate(model, DEFAULT_PRIOR, RULE, window, at > HOUR) !== undefined) found.alarms.push(at / DAY)
    const drift = judgeSlowDrift(model, DEFAULT_PRIOR, RULE, window)
    if (drift !== undefined) found.drifts.push({ ...drift, day: at / DAY })
  }
  return found
}

/** 2 %, and from the eighth day on more by `growth` a day. */
const frog =
  (growth: number) =>
  (day: number): number =>
    0.02 * (1 + growth) ** Math.max(0, day - 7)

describe('slow drift of a rate', { timeout: 60_000 }, () => {
  test.each([0.15, 0.35])('a rise by %f a day is told although no step of it alarms', (growth) => {
    const { alarms, drifts } = run(22, frog(growth))
    expect(alarms).toEqual([])
    expect(drifts.length).toBeGreaterThan(0)
    const [first] = drifts
    expect(first!.days).toBe(3)
    expect(first!.hits / first!.trials).toBeGreaterThan(2 * 0.02)
    expect(first!.expected / first!.trials).toBeLessThan(first!.hits / first!.trials / 1.5)
    expect(first!.p).toBeLessThan(RULE.p0)
    expect(first!.since).toBe(START + Math.floor(first!.day - 3) * DAY)
  })

  test('is told once a day while it lasts, and no more when the rate is back', () => {
    const { drifts } = run(24, (day) => (day < 16 ? frog(0.3)(day) : 0.02))
    const days = drifts.map(({ day }) => Math.floor(day))
    expect(new Set(days).size).toBe(days.length)
    expect(Math.max(...days)).toBeLessThanOrEqual(16)
  })

  test.each([1, 2])('seed %i: a rhythm of day and weekend with a nightly batch says nothing in 21 days', (seed) => {
    const random = seeded(100 + seed)
    let wander = 0
    const { drifts } = run(
      21,
      (day) => {
        wander = 0.995 * wander + 0.02 * normal(random)
        const weekend = Math.floor(day) % 7 >= 5 ? 2.5 : 1
        const batch = (day % 1) * 24 < 1 ? 3 : 1
        return Math.min(0.4, 0.02 * weekend * batch * (1 + 0.6 * Math.sin(day * 2 * Math.PI)) * Math.exp(wander))
      },
      seed,
    )
    expect(drifts).toEqual([])
  })

  test('a handful of hits a day is no drift', () => {
    const { drifts } = run(18, (day) => (day < 8 ? 1e-6 : 3e-5))
    expect(drifts).toEqual([])
  })

  test('what the rate itself alarms on moves no anchor', () => {
    const steady = run(12, () => 0.02)
    const attacked = run(12, (day) => (day % 1 > 0.5 && day % 1 < 0.55 && day > 7 ? 0.5 : 0.02))
    expect(attacked.alarms.length).toBeGreaterThan(100)
    const share = ({ model }: Found) => model.drift!.anchor[0] / model.drift!.anchor[1]
    expect(share(attacked) / share(steady)).toBeLessThan(1.1)
    expect(attacked.drifts).toEqual([])
  })

  test('days beyond the anchor move it by a tenth a day at most', () => {
    const before = run(10, () => 0.01)
    const [hits, trials] = before.model.drift!.anchor
    const chance = hits / trials
    // Without alarms of the rate: as if each window were within three times the usual.
    const { drift } = before.model
    const after = run(11, () => 0.5, 2, { ...freshRateModel(), drift: structuredClone(drift!) }, 10)
    expect(after.model.drift!.anchor[0] / after.model.drift!.anchor[1] / chance).toBeLessThan(1.11)
  })

  test('state written before there was an anchor loads, and starts one', () => {
    const { drift: _, ...old } = run(2, () => 0.02).model
    const loaded = unpack(pack(old)) as RateModel
    const { model, alarms } = run(12, frog(0), 3, loaded, 2)
    expect(alarms).toEqual([])
    expect(model.drift!.days).toBe(9)
  })

  test('with its anchor a full model stays within 640 bytes', () => {
    expect(pack(run(12, frog(0.35)).model).length).toBeLessThan(640)
  })
})
