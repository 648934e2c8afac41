/** The whole pipeline on a real Kafka, as `eastwatch up` runs it. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { SECOND } from '../../core/clock.ts'
import { newWorld, noPipeline, type World } from '../e2e/pipeline.ts'
import { Player } from '../e2e/player.ts'
import { difference, NO_DIFFERENCE, readStored, type Stored } from '../e2e/stored.ts'
import { originUs, quietTail, storyRecords, stretches } from '../e2e/traffic.ts'
import { type Broker, startBroker } from './broker.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of the pipeline on a real Kafka are skipped: ${started.missing}`)
const broker = started as Broker

const MINUTES = 4
const STRETCH_SECONDS = 20

describe.skipIf('missing' in started || noPipeline() !== undefined)('the pipeline on a real Kafka', () => {
  const worlds: World[] = []
  const players: Player[] = []
  afterEach(async () => {
    for (const player of players.splice(0)) await player.end()
    for (const world of worlds.splice(0)) world.remove()
  })
  afterAll(() => broker.stop())

  const origin = originUs()
  const records = storyRecords(MINUTES, origin)

  /** `killedAt`: stretches at which the whole process is killed and started again. */
  async function play(bus: object, killedAt: readonly number[] = []): Promise<Stored> {
    const world = await newWorld({ bus })
    worlds.push(world)
    const player = new Player(world, origin)
    players.push(player)
    const cut = { origin, minutes: MINUTES, stretchSeconds: STRETCH_SECONDS, recordsPerBody: 100 }
    const end = Math.ceil((origin + (MINUTES + 1) * 60 * SECOND) / SECOND) * SECOND
    for (const [i, stretch] of [...stretches(records, cut), ...quietTail(end)].entries()) {
      const killing = killedAt.includes(i) ? { ticking: () => void player.killPipeline() } : {}
      await player.play(stretch, killing)
    }
    await player.settleAndStop()
    return readStored(world)
  }
  const kafka = () => ({ brokers: [broker.brokers], prefix: `${randomUUID()}.`, replicationFactor: 1 })

  it('finds and stores what the embedded log does, with one partition and with three, also where it is killed', async () => {
    const expected = await play({ partitions: 1 })
    expect(expected.calls.length).toBe(records.length)
    expect(expected.incidents.length).toBeGreaterThan(0)
    for (const actual of [
      await play({ partitions: 1, kafka: kafka() }),
      await play({ partitions: 3, kafka: kafka() }, [3, 8]),
    ]) {
      expect(actual.calls.length).toBe(records.length)
      for (const table of ['windows', 'paths', 'findings', 'incidents'] as const) {
        expect({ table, ...difference(expected[table], actual[table]) }).toEqual({ table, ...NO_DIFFERENCE })
      }
    }
  }, 300_000)
})
