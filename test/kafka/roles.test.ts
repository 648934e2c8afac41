/** Each role as processes of its own, on a real Kafka: what they find together is what one process finds. */
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { PipelineRole } from '../../cli/roles/role.ts'
import { newWorld, noPipeline, type World } from '../e2e/pipeline.ts'
import { Player } from '../e2e/player.ts'
import { difference, NO_DIFFERENCE, readStored, type Stored, TABLES, withoutArrival } from '../e2e/stored.ts'
import { originUs } from '../e2e/traffic.ts'
import { openStore, READER_PASSWORD, type TestStore } from '../storage/store.ts'
import { type Broker, startBroker } from './broker.ts'
import { Fleet } from './fleet.ts'
import { BUSIEST_SHARE, story } from './story.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of roles on a real Kafka are skipped: ${started.missing}`)
const broker = started as Broker

const MINUTES = 3
/** Of the engine that stands for a server: the tests ask for all rows at once. */
const LIMITS = { maxSeconds: 120, maxResultRows: 10_000_000, maxResultBytes: 1024 ** 3, maxMemoryBytes: 1024 ** 3 }

interface Run {
  partitions: number
  /** Processes of each role: one of storage with the embedded store, several with one ClickHouse that they share. */
  each: number
  /** kill -9, or a clean stop and a new start, while the ticks of a stretch are written. */
  deaths: { at: number; how: 'kill' | 'replace'; role: PipelineRole; index: number }[]
}

const RUNS: Run[] = [
  { partitions: 1, each: 1, deaths: [] },
  {
    partitions: 12,
    each: 3,
    deaths: [
      { at: 5, how: 'kill', role: 'collector', index: 1 },
      { at: 10, how: 'kill', role: 'detectors', index: 0 },
      { at: 15, how: 'kill', role: 'alerts', index: 2 },
      { at: 20, how: 'kill', role: 'storage', index: 1 },
      { at: 25, how: 'replace', role: 'collector', index: 2 },
      { at: 30, how: 'replace', role: 'detectors', index: 1 },
      { at: 35, how: 'replace', role: 'alerts', index: 0 },
      { at: 40, how: 'replace', role: 'storage', index: 0 },
    ],
  },
]

describe.skipIf('missing' in started || noPipeline() !== undefined)('roles as processes', () => {
  const worlds: World[] = []
  const players: Player[] = []
  const fleets: Fleet[] = []
  const servers: TestStore[] = []
  afterEach(async () => {
    for (const fleet of fleets.splice(0)) await fleet.end()
    for (const player of players.splice(0)) await player.end()
    for (const world of worlds.splice(0)) world.remove()
    for (const server of servers.splice(0)) await server.stop()
  })
  afterAll(() => broker.stop())

  const origin = originUs()
  const { records, busiest, nameless, stretches } = story(origin, MINUTES)

  async function playEmbedded(): Promise<Stored> {
    const world = await newWorld()
    worlds.push(world)
    const player = new Player(world, origin)
    players.push(player)
    for (const stretch of stretches) await player.play(stretch)
    await player.settleAndStop()
    return readStored(world)
  }

  /** A ClickHouse for several processes of storage: the embedded engine's process, over HTTP. */
  async function sharedServer(): Promise<object> {
    const server = await openStore(undefined, LIMITS)
    servers.push(server)
    const { url, username, password } = server.embedded
    return { url, username, password, readerPassword: READER_PASSWORD }
  }

  async function startFleet(partitions: number, each: number): Promise<Fleet> {
    const kafka = {
      brokers: [broker.brokers],
      prefix: `${randomUUID()}.`,
      replicationFactor: 1,
      sessionTimeoutMs: 6000,
    }
    const counts = { collector: each, detectors: each, storage: each, alerts: each }
    const storage = each === 1 ? {} : await sharedServer()
    const fleet = await Fleet.start({ bus: { partitions, kafka }, storage }, counts, origin)
    fleets.push(fleet)
    return fleet
  }

  async function playFleet({ partitions, each, deaths }: Run): Promise<Stored> {
    const fleet = await startFleet(partitions, each)
    for (const [i, stretch] of stretches.entries()) {
      const death = deaths.find(({ at }) => at === i)
      await fleet.play(stretch, { ticking: () => death && fleet[death.how](death.role, death.index) })
    }
    await fleet.settleAndStop()
    return readStored(fleet.storageWorld)
  }

  it('find and store what one process does, also where one of each role dies and one is replaced', async () => {
    expect(busiest / records.length).toBeGreaterThanOrEqual(BUSIEST_SHARE)
    expect(nameless).toBeGreaterThan(0)
    const expected = await playEmbedded()
    expect(expected.calls.length).toBe(records.length)
    expect(expected.incidents.length).toBeGreaterThan(0)
    for (const run of RUNS) {
      const actual = await playFleet(run)
      expect(actual.calls.length).toBe(records.length)
      for (const table of TABLES) {
        const where = { table, ...run }
        const [wanted, found] = [withoutArrival(table, expected[table]), withoutArrival(table, actual[table])]
        expect({ ...where, ...difference(wanted, found) }).toEqual({ ...where, ...NO_DIFFERENCE })
      }
      expect(hashOf(actual)).toBe(hashOf(expected))
    }
  }, 600_000)
})

function hashOf(stored: Stored): string {
  return createHash('sha256')
    .update(TABLES.map((table) => withoutArrival(table, stored[table]).join('\n')).join('\n\n'))
    .digest('hex')
}
