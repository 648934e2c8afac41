/** Roles that are told to stop while what they wait for never answers: they end before Kubernetes kills them, and lose nothing. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ROLES } from '../../cli/roles/role.ts'
import { openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { TOPIC, topicSpecs } from '../../core/bus/topics.ts'
import { SECOND } from '../../core/clock.ts'
import { encodeTick } from '../../core/tick.ts'
import { FREE_PORTS, folderWith, runningIn, type Started, start, until } from '../cli/command.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { StoreFront } from '../faults/store-front.ts'
import { blockOf, T0 } from '../storage/calls.ts'
import { openStore, READER_PASSWORD, type TestStore } from '../storage/store.ts'
import { type OwnBroker, startOwnBroker } from './broker.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of stops on a real Kafka are skipped: ${started.missing}`)
const broker = started as OwnBroker

const PARTITIONS = 2
const ROWS = 5
/** What docs/operate.md says, and a little for a busy machine. */
const STORE_GIVEN_UP_MS = 20_000
const KUBERNETES_KILLS_MS = 30_000

describe.skipIf('missing' in started || noPipeline() !== undefined)('a stop', { timeout: 240_000 }, () => {
  let server: TestStore
  let front: StoreFront
  const folders: string[] = []
  const children: Started[] = []
  beforeAll(async () => {
    server = await openStore()
    front = await StoreFront.before(server.embedded.url)
  }, 120_000)
  afterEach(async () => {
    front.pass()
    for (const { child, ended } of children.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  afterAll(async () => {
    await front.stop()
    await server.stop()
    await broker.stop()
  })

  const busOf = (prefix: string) => ({
    partitions: PARTITIONS,
    kafka: { brokers: [broker.brokers], prefix, replicationFactor: 1 },
  })

  const folderOf = (prefix: string) => {
    const { username, password } = server.embedded
    const storage = { url: front.url, username, password, readerPassword: READER_PASSWORD, ttlDays: { calls: 3650 } }
    const folder = folderWith({ ...FREE_PORTS, bus: busOf(prefix), storage })
    folders.push(folder)
    return folder
  }

  const begin = (folder: string, role: string): Started => {
    const child = start(folder, [role])
    children.push(child)
    return child
  }

  const isUp = ({ out }: Started) => until(() => out().includes('Ctrl-C'), 90_000)

  /** Milliseconds until it has ended, with its exit code. */
  const stop = async ({ child, ended }: Started) => {
    const before = performance.now()
    child.kill('SIGTERM')
    const { code, err } = await ended
    return { code, err, ms: performance.now() - before }
  }

  /** Calls in one partition, and ticks enough for the batch to be cut. */
  async function publishCalls(prefix: string): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-stop-'))
    folders.push(folder)
    const topics = topicSpecs(PARTITIONS)
    const reach = { brokers: [broker.brokers] }
    const bus = await openKafkaBus({ reach, prefix, folder, topics, replicationFactor: 1, sessionTimeoutMs: 10_000 })
    const values = [blockOf(1, 0, ROWS)]
    for (let seq = 0; seq < 10; seq += 1) {
      values.push(encodeTick({ producer: 'test', seq, time: T0 + seq * SECOND, leave: false }))
    }
    await bus.publish(values.map((value) => ({ topic: TOPIC.calls, partition: 0, value })))
    await bus.close()
  }

  const stored = () =>
    server.rows<{ n: string }>('SELECT count() AS n FROM eastwatch.calls').then(([row]) => Number(row?.n))

  it('ends storage while ClickHouse never answers an insert; the next process stores the rows, once', async () => {
    const prefix = `${randomUUID()}.`
    const folder = folderOf(prefix)
    const storage = begin(folder, 'storage')
    await isUp(storage)
    const swallowed = front.swallow(/INSERT INTO eastwatch\.calls/)
    await publishCalls(prefix)
    expect(await swallowed).toBe('INSERT INTO eastwatch.calls')
    const { code, err, ms } = await stop(storage)
    expect(ms).toBeLessThan(STORE_GIVEN_UP_MS)
    expect(code).toBe(0)
    expect(err).toContain('is given up')
    expect(await stored()).toBe(0)
    front.pass()
    await isUp(begin(folder, 'storage'))
    await expect.poll(stored, { timeout: 60_000 }).toBe(ROWS)
  })

  it('ends storage while ClickHouse never answers how large it is', async () => {
    const swallowed = front.swallow(/sum\(bytes_on_disk\)/)
    const storage = begin(folderOf(`${randomUUID()}.`), 'storage')
    await isUp(storage)
    await swallowed
    const { code, ms } = await stop(storage)
    expect(code).toBe(0)
    expect(ms).toBeLessThan(STORE_GIVEN_UP_MS)
  })

  it('ends storage while ClickHouse never answers a change of the schema', async () => {
    const swallowed = front.swallow(/system\.tables/)
    const storage = begin(folderOf(`${randomUUID()}.`), 'storage')
    await swallowed
    const { code, ms } = await stop(storage)
    expect(code).toBe(0)
    expect(ms).toBeLessThan(STORE_GIVEN_UP_MS)
  })

  it('ends every role while Kafka stands still', async () => {
    const folder = folderOf(`${randomUUID()}.`)
    const roles = ROLES.map((role) => begin(folder, role))
    for (const role of roles) await isUp(role)
    broker.pause()
    try {
      for (const { code, err, ms } of await Promise.all(roles.map(stop))) {
        expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('is cut off') })
        expect(ms).toBeLessThan(KUBERNETES_KILLS_MS)
      }
    } finally {
      broker.resume()
    }
    expect(runningIn(folder)).toEqual([])
  })
})
