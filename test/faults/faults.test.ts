/** The story is told to a fleet while every kind of fault strikes: what is left is what an undisturbed run leaves. */
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { noPipeline } from '../e2e/pipeline.ts'
import { originUs } from '../e2e/traffic.ts'
import { type Broker, startBroker } from '../kafka/broker.ts'
import { story } from '../kafka/story.ts'
import { judge } from './judge.ts'
import { readLog } from './log.ts'
import { play } from './play.ts'
import { SHORT } from './registry.ts'
import { SEED, type Strike, schedule } from './schedule.ts'
import { Site } from './site.ts'
import { undisturbed } from './undisturbed.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of faults are skipped: ${started.missing}`)
const broker = started as Broker

const MINUTES = 2
const PARTITIONS = 4
const COUNTS = { collector: 3, detectors: 2, storage: 2, alerts: 2 }

describe.skipIf('missing' in started || noPipeline() !== undefined)('a fleet that faults strike', () => {
  const sites: Site[] = []
  afterEach(async () => {
    for (const site of sites.splice(0)) await site.end()
  })
  afterAll(() => broker.stop())

  it('stores and finds what an undisturbed process does, each record and each incident once', async () => {
    const startUs = originUs()
    const { records, rejected, stretches } = story(startUs, MINUTES)
    const strikes = schedule(SHORT, stretches.length, SEED)
    console.log(`faults: EASTWATCH_SEED=${SEED}`)
    const expected = await undisturbed(stretches, startUs)
    expect(expected.calls.length).toBe(records.length)
    expect(expected.incidents.length).toBeGreaterThan(0)
    const site = await Site.open({ broker, partitions: PARTITIONS, counts: COUNTS, startUs })
    sites.push(site)
    const onBegin = ({ fault, at, phase }: Strike) => console.log(`stretch ${at}, ${phase}: ${fault.name}`)
    const onEnd = (_: Strike, ms: number) => console.log(`healed after ${Math.round(ms)} ms`)
    const actual = await play(site, stretches, strikes, { onBegin, onEnd })
    const log = await readLog(site)
    const told = new Set(strikes.flatMap(({ fault }) => fault.told ?? []))
    const hash = judge({ expected, actual, log, sent: records.length + rejected, told })
    console.log(
      `received ${log.received} = stored ${actual.calls.length} + rejected ${actual.rejected.length} + duplicates ${log.duplicates}; sets ${hash}`,
    )
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
})
