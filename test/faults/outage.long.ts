/** Kafka or ClickHouse is away for ten minutes at full load: memory stays bounded, and everything that was acknowledged arrives. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ROLES } from '../../cli/roles/role.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { type OwnBroker, startOwnBroker } from '../kafka/broker.ts'
import { FullLoad } from './full-load.ts'
import { MemoryWatch } from './memory.ts'
import { Site } from './site.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of outages are skipped: ${started.missing}`)
const broker = started as OwnBroker

const OUTAGE_MS = 600_000
/** Before and after it, that there is a load, and that it is taken again. */
const AROUND_MS = 20_000
const ARRIVE_MS = 1_800_000
const HOUR_MS = 3_600_000
const COUNTS = { collector: 1, detectors: 1, storage: 1, alerts: 1 }
const PARTITIONS = 4
/** Of all four processes together. */
const MOST_BYTES = 1.5 * 1024 ** 3
const MIB = 1024 ** 2

describe.skipIf('missing' in started || noPipeline() !== undefined)('ten minutes at full load', () => {
  const sites: Site[] = []
  afterEach(async () => {
    for (const site of sites.splice(0)) await site.end()
  })
  afterAll(() => broker.stop())

  /** What was put off while it was away. */
  async function outage(away: (site: Site) => Promise<void>, back: (site: Site) => Promise<void>): Promise<number> {
    const site = await Site.open({ broker, partitions: PARTITIONS, counts: COUNTS, startUs: Date.now() * 1000 })
    sites.push(site)
    const { fleet } = site
    const processes = (await Promise.all(ROLES.map((role) => fleet.processes(role)))).flat()
    const [collector] = await fleet.processes('collector')
    const stop = new AbortController()
    const time = fleet.live(stop.signal)
    const memory = new MemoryWatch(processes.map(({ pid }) => pid))
    const load = new FullLoad(collector!.ports.http)
    await delay(AROUND_MS)
    const [before, takenBefore] = [load.putOff, load.acknowledged]
    expect(takenBefore).toBeGreaterThan(0)
    await away(site)
    await delay(OUTAGE_MS)
    const [putOff, takenMeanwhile] = [load.putOff - before, load.acknowledged - takenBefore]
    await back(site)
    await expect.poll(() => load.acknowledged, { timeout: 120_000 }).toBeGreaterThan(takenBefore + takenMeanwhile)
    await delay(AROUND_MS)
    await load.stop()
    const stored = async () => Number((await site.rows('SELECT count() AS n FROM eastwatch.calls'))[0]!.n)
    await expect.poll(stored, { timeout: ARRIVE_MS, interval: 1000 }).toBeGreaterThanOrEqual(load.acknowledged)
    stop.abort()
    await time
    memory.stop()
    await fleet.settleAndStop()
    const most = Math.max(...memory.samples)
    console.log(
      `acknowledged ${load.acknowledged} (${takenMeanwhile} while it was away), put off ${putOff}, stored ${await stored()}, ` +
        `most memory ${Math.round(most / MIB)} MiB`,
    )
    expect(await stored()).toBe(load.acknowledged)
    expect(most).toBeLessThan(MOST_BYTES)
    return putOff
  }

  it(
    'without Kafka',
    async () => {
      const putOff = await outage(
        ({ broker }) => broker.kill(),
        ({ broker }) => broker.start(),
      )
      expect(putOff).toBeGreaterThan(0)
    },
    HOUR_MS,
  )

  it(
    'without ClickHouse',
    async () => {
      await outage(
        async ({ store }) => store.hangUp(),
        async ({ store }) => store.pass(),
      )
    },
    HOUR_MS,
  )
})
