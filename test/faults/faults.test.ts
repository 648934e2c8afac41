/** Every kind of fault that fits into the time strikes a fleet once. The long form: docs/testing.md. */
import { afterAll, describe, expect, it } from 'vitest'
import { noPipeline } from '../e2e/pipeline.ts'
import { type OwnBroker, startOwnBroker } from '../kafka/broker.ts'
import { endure } from './endure.ts'
import { MANY_DEATHS, SHORT } from './registry.ts'
import { schedule } from './schedule.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of faults are skipped: ${started.missing}`)
const broker = started as OwnBroker

const MINUTES = 2

describe.skipIf('missing' in started || noPipeline() !== undefined)('a fleet that faults strike', () => {
  afterAll(() => broker.stop())

  it('stores and finds what an undisturbed process does, each record and each incident once', async () => {
    await endure(broker, SHORT, MINUTES)
  }, 600_000)
})

describe('the schedule of faults', () => {
  it('follows from the seed alone, and strikes with one fault at a time', () => {
    const strikes = schedule(SHORT, 100, 1)
    expect(schedule(SHORT, 100, 1)).toEqual(strikes)
    expect(schedule(SHORT, 100, 2)).not.toEqual(strikes)
    expect(strikes.map(({ fault }) => fault.name).sort()).toEqual(SHORT.map(({ name }) => name).sort())
    strikes.slice(1).forEach((strike, i) => {
      const before = strikes[i]!
      expect(strike.at).toBeGreaterThan(before.at + (before.fault.stretches ?? 0))
    })
    expect(() => schedule(SHORT, 40, 1)).toThrow('faults need')
  })

  it('has a hundred deaths in its long form', () => {
    expect(MANY_DEATHS.reduce((sum, { kills = 0 }) => sum + kills, 0)).toBeGreaterThanOrEqual(100)
  })
})
