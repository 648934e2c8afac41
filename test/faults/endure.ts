/** A story is told to a fleet while faults strike, and to one undisturbed process: what is left must be the same. */
import { expect } from 'vitest'
import { originUs } from '../e2e/traffic.ts'
import type { OwnBroker } from '../kafka/broker.ts'
import { story } from '../kafka/story.ts'
import type { Fault } from './fault.ts'
import { judge } from './judge.ts'
import { readLog } from './log.ts'
import { play } from './play.ts'
import { SEED, schedule } from './schedule.ts'
import { Site } from './site.ts'
import { undisturbed } from './undisturbed.ts'

const PARTITIONS = 4
/** Three collectors have a median. */
const COUNTS = { collector: 3, detectors: 2, storage: 2, alerts: 2 }

/** `minutes`: of traffic, long enough for the faults to find a place each. */
export async function endure(broker: OwnBroker, faults: readonly Fault[], minutes: number): Promise<void> {
  const startUs = originUs()
  const { records, rejected, stretches } = story(startUs, minutes)
  const strikes = schedule(faults, stretches.length, SEED)
  console.log(`${faults.length} faults by EASTWATCH_SEED=${SEED}`)
  const expected = await undisturbed(stretches, startUs)
  expect(expected.calls.length).toBe(records.length)
  expect(expected.incidents.length).toBeGreaterThan(0)
  const site = await Site.open({ broker, partitions: PARTITIONS, counts: COUNTS, startUs })
  try {
    const actual = await play(site, stretches, strikes, {
      onBegin: ({ fault, at, phase }) => console.log(`stretch ${at}, ${phase}: ${fault.name}`),
      onEnd: ({ fault }, ms) => console.log(`${fault.name}: over after ${(ms / 1000).toFixed(1)} s`),
    })
    const log = await readLog(site)
    const told = new Set(faults.flatMap((fault) => fault.told ?? []))
    const hash = judge({ expected, actual, log, sent: records.length + rejected, told })
    const counts = `stored ${actual.calls.length} + rejected ${actual.rejected.length} + duplicates ${log.duplicates}`
    const deaths = faults.reduce((sum, { kills = 0 }) => sum + kills, 0)
    console.log(`received ${log.received} = ${counts}; ${deaths} kills; sets ${hash.slice(0, 16)}`)
  } finally {
    await site.end()
  }
}
