/** The steps of docs/operate.md after a loss, with the commands as they were built, a real Kafka and a real ClickHouse engine. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TOPIC } from '../../core/bus/topics.ts'
import { STORAGE_GROUPS } from '../../storage/app.ts'
import { FREE_PORTS, folderWith, type Started, start, until as untilSoon } from '../cli/command.ts'
import { readRecording } from '../envoy/fixture.ts'
import { type Broker, startBroker } from '../kafka/broker.ts'
import { noEngine, openStore, READER_PASSWORD, type TestStore } from '../storage/store.ts'
import { textOf } from './files.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of recovery on a real Kafka are skipped: ${started.missing}`)
const first = started as Broker
const guide = textOf('docs/operate.md')
const { bodies, facts } = readRecording('allowed_http')
const records = facts.records as number

describe.skipIf('missing' in started || noEngine() !== undefined)('after a loss', () => {
  const prefix = `${randomUUID()}.`
  const folders: string[] = []
  const children: Started[] = []
  const stores: TestStore[] = []
  let admin: Admin
  beforeAll(async () => {
    admin = new Kafka({ brokers: [first.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
  })
  afterEach(async () => {
    for (const { child, ended } of children.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    for (const store of stores.splice(0)) await store.stop()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  afterAll(async () => {
    await admin?.disconnect()
    await first.stop()
  })

  /** Roles join their groups and find the ones before gone: that takes a while on a busy machine. */
  async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await untilSoon(fact, 90_000)
    } catch (cause) {
      throw new Error(`not in time; the roles say: ${children.map(({ err }) => err()).join('\n')}`, { cause })
    }
  }

  async function newStore(): Promise<TestStore> {
    const store = await openStore()
    stores.push(store)
    return store
  }

  function newFolder(store: TestStore, name: string, broker = first): string {
    const { url, username, password } = store.embedded
    const kafka = { brokers: [broker.brokers], prefix: prefix + name, replicationFactor: 1, sessionTimeoutMs: 6000 }
    const storage = { url, username, password, readerPassword: READER_PASSWORD, ttlDays: { calls: 3650 } }
    const folder = folderWith({ ...FREE_PORTS, bus: { kafka }, storage })
    folders.push(folder)
    return folder
  }

  /** A role that has said it is up. */
  async function role(folder: string, name: string): Promise<Started> {
    const one = start(folder, [name])
    children.push(one)
    await until(() => {
      if (one.child.exitCode !== null) throw new Error(one.err())
      return one.out().includes('Ctrl-C')
    })
    return one
  }

  async function stop({ child, ended }: Started): Promise<void> {
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  }

  /** As a sender does: again where it was put off, as it is while a group lacks what Kafka has dropped. */
  async function send(collector: Started): Promise<void> {
    const port = /(\d+) \(OTLP HTTP\)/.exec(collector.out())![1]
    const headers = { 'content-type': 'application/x-protobuf' }
    for (const body of bodies) {
      await until(async () => {
        const { status } = await fetch(`http://127.0.0.1:${port}/v1/logs`, { method: 'POST', headers, body })
        expect([200, 503]).toContain(status)
        return status === 200
      })
    }
  }

  const count = async (store: TestStore) =>
    Number((await store.rows<{ n: number }>('SELECT toUInt32(count()) AS n FROM eastwatch.calls'))[0]!.n)

  /** As the guide says: the state topics of the groups of storage, and its data folder. */
  async function forgetStorage(folder: string, name: string): Promise<void> {
    const topics = STORAGE_GROUPS.map(({ group, topic }) => `${group}.${topic}.state`)
    for (const topic of topics) expect(guide).toContain(topic)
    await admin.deleteTopics({ topics: topics.map((topic) => prefix + name + topic) })
    rmSync(join(folder, 'eastwatch-data/storage'), { recursive: true })
  }

  it('an empty ClickHouse is filled again with what Kafka still has', async () => {
    const before = await newStore()
    const folder = newFolder(before, 'store.')
    const collector = await role(folder, 'collector')
    const storage = await role(folder, 'storage')
    await send(collector)
    await until(async () => (await count(before)) === records)
    await stop(storage)
    await stop(collector)

    const after = await newStore()
    const again = newFolder(after, 'store.')
    rmSync(join(again, 'eastwatch-data'), { recursive: true, force: true })
    await forgetStorage(folder, 'store.')
    await role(again, 'storage')
    await until(async () => (await count(after)) === records)
  }, 300_000)

  it('a new Kafka is stored from its beginning, beside what came through the old one', async () => {
    const second = await startBroker()
    if ('missing' in second) throw new Error(second.missing)
    try {
      const store = await newStore()
      const folder = newFolder(store, 'kafka.')
      const collector = await role(folder, 'collector')
      const storage = await role(folder, 'storage')
      await send(collector)
      await until(async () => (await count(store)) === records)
      await stop(storage)
      await stop(collector)

      const anew = newFolder(store, 'kafka.', second)
      const collectorAnew = await role(anew, 'collector')
      await role(anew, 'storage')
      await send(collectorAnew)
      await until(async () => (await count(store)) === 2 * records)
    } finally {
      await second.stop()
    }
  }, 300_000)

  it('a group whose records Kafka has dropped stops, and goes on from what there is once its state is forgotten', async () => {
    const store = await newStore()
    const folder = newFolder(store, 'lost.')
    const collector = await role(folder, 'collector')
    const storage = await role(folder, 'storage')
    await send(collector)
    await until(async () => (await count(store)) === records)
    await stop(storage)
    await send(collector)
    const topic = `${prefix}lost.${TOPIC.calls}`
    const { high } = (await admin.fetchTopicOffsets(topic))[0]!
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: high }] })

    const lost = start(folder, ['storage'])
    children.push(lost)
    const { code, err } = await lost.ended
    expect(code).toBe(1)
    expect(err).toMatch(/group storage-calls needs eastwatch\.calls\/0 from offset \d+, and the log begins at \d+/)

    await forgetStorage(folder, 'lost.')
    await role(folder, 'storage')
    await send(collector)
    await until(async () => (await count(store)) === 2 * records)
  }, 300_000)
})
