/**
 * A real Apache Kafka, and what the bus on it will rest on: shown here of the broker and the client that are used, as both have a
 * history of doing otherwise.
 */
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafka, type OwnBroker, startOwnBroker } from './broker.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests with a real Kafka are skipped: ${started.missing}`)

describe('npm run kafka', () => {
  it('says how it is used', async () => {
    for (const args of [[], ['begin'], ['start', 'stop'], ['tool'], ['start', '--port', '1']]) {
      expect((await kafka(...args)).code).toBe(2)
    }
    expect((await kafka()).error).toBe(
      'kafka: use: npm run kafka -- start|stop [--folder <folder>] [--secure], or tool <class> [arguments ...]',
    )
  })
})

describe.skipIf('missing' in started)('a real Kafka', { timeout: 120_000 }, () => {
  const broker = started as OwnBroker
  let client: Kafka
  let admin: Admin
  const producers: Producer[] = []

  beforeAll(async () => {
    client = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING })
    admin = client.admin()
    await admin.connect()
  })
  afterAll(async () => {
    for (const producer of producers) await producer.disconnect()
    await admin.disconnect()
    await broker.stop()
  })

  const producer = async (transactionalId?: string): Promise<Producer> => {
    const made = client.producer({
      allowAutoTopicCreation: false,
      // A transaction waits for the one before it to be done with.
      retry: { retries: transactionalId === undefined ? 2 : 10 },
      ...(transactionalId === undefined ? {} : { transactionalId, idempotent: true, maxInFlightRequests: 1 }),
    })
    await made.connect()
    producers.push(made)
    return made
  }
  const createTopic = (topic: string, numPartitions = 1) =>
    admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }], waitForLeaders: true })

  /** Reads one partition's texts, as committed, until `last` came. */
  const readUntil = async (topic: string, last: string): Promise<string[]> => {
    const consumer = client.consumer({ groupId: `reader-${topic}-${last}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const texts: string[] = []
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          texts.push(String(message.value))
          if (String(message.value) === last) resolve()
        },
      })
    })
    await consumer.disconnect()
    return texts
  }

  it('is found running by a second start', async () => {
    await broker.start()
    expect(await admin.describeCluster()).toMatchObject({ brokers: [{ nodeId: 1 }] })
  })

  it('makes topics of the partitions asked for, and none in passing', async () => {
    await createTopic('made', 7)
    const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] })
    expect(topics[0]!.partitions).toHaveLength(7)
    const plain = await producer()
    const sent = plain.send({ topic: 'not-made', messages: [{ value: 'x' }] })
    await expect(sent).rejects.toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } })
    expect(await admin.listTopics()).not.toContain('not-made')
  })

  it('shows what a transaction wrote, to several topics, once it is committed, and never what was aborted', async () => {
    await createTopic('out')
    await createTopic('state')
    const writer = await producer('writer')
    const write = async (text: string) => {
      const transaction = await writer.transaction()
      for (const topic of ['out', 'state']) await transaction.send({ topic, messages: [{ value: text }] })
      return transaction
    }
    await (await write('aborted')).abort()
    await (await write('committed')).commit()
    expect(await readUntil('out', 'committed')).toEqual(['committed'])
    expect(await readUntil('state', 'committed')).toEqual(['committed'])
  })

  it('shuts out the older of two owners of a transactional id, and what it had under way', async () => {
    await createTopic('fenced')
    const older = await producer('owner')
    const underWay = await older.transaction()
    await underWay.send({ topic: 'fenced', messages: [{ value: 'of the older' }] })
    const newer = await producer('owner')
    const own = await newer.transaction()
    await own.send({ topic: 'fenced', messages: [{ value: 'of the newer' }] })
    await expect(underWay.commit()).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    await own.commit()
    expect(await readUntil('fenced', 'of the newer')).toEqual(['of the newer'])
  })

  it('keeps what it acknowledged when it is killed', async () => {
    await createTopic('kept')
    const plain = await producer()
    for (let i = 0; i < 20; i += 1) await plain.send({ topic: 'kept', acks: -1, messages: [{ value: `${i}` }] })
    await broker.kill()
    await broker.start()
    expect(await readUntil('kept', '19')).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`))
  })
})
