/** The bus on a real Kafka where things go wrong: members that come and go, a broker that is killed, topics that are not as they should be. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type Assignment, type Bus, type BusRecord, MAX_RECORD_BYTES, type StateWrite } from '../../core/bus/bus.ts'
import { type KafkaBus, type KafkaBusOptions, openKafkaBus } from '../../core/bus/kafka/kafka-bus.ts'
import { PipelineError } from '../../core/errors.ts'
import { retry } from '../../core/retry.ts'
import { assignments, bytes, contents, nextOf, plain, stateOf, take, text } from '../core/bus/drive.ts'
import { type OwnBroker, startOwnBroker } from './broker.ts'
import { Network } from './network.ts'

const started = await startOwnBroker()
if ('missing' in started) console.log(`tests of faults of a real Kafka are skipped: ${started.missing}`)
const broker = started as OwnBroker

const PARTITIONS = 4
const RECORDS = 200
const UNREACHABLE = '127.0.0.1:1'
const newFolder = () => mkdtempSync(join(tmpdir(), 'eastwatch-state-'))

describe.skipIf('missing' in started)('the bus on a real Kafka', { timeout: 120_000 }, () => {
  const opened: KafkaBus[] = []
  afterEach(async () => {
    for (const bus of opened.splice(0)) await bus.close()
  })
  afterAll(() => broker.stop())

  const open = async (
    prefix: string,
    network = new Network(),
    partitions = PARTITIONS,
    changes: Partial<KafkaBusOptions> = {},
  ) => {
    const bus = await openKafkaBus({
      reach: { brokers: [broker.brokers], socketFactory: network.socketFactory },
      prefix,
      folder: newFolder(),
      topics: ['in', 'out'].map((name) => ({ name, partitions })),
      replicationFactor: 1,
      sessionTimeoutMs: 1500,
      ...changes,
    })
    opened.push(bus)
    return bus
  }
  const value = (partition: number, i: number) => `${partition}:${i}`
  /** As many for each partition, in order. */
  const fill = async (bus: Bus) => {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const values = Array.from({ length: RECORDS }, (_, i) => bytes(value(partition, i)))
      await bus.publish(values.map((one) => ({ topic: 'in', partition, value: one })))
    }
  }
  const all = Array.from({ length: PARTITIONS }, (_, partition) =>
    Array.from({ length: RECORDS }, (_, i) => value(partition, i)),
  )

  /** Copies `in` to `out`, a few records a step, and counts them in its state; aborts once all partitions' counts are full. */
  const copy = (bus: Bus, stop: AbortController, seen: (partition: number, count: number) => void) =>
    bus.process({
      topic: 'in',
      group: 'copy',
      signal: stop.signal,
      maxBatchBytes: 50,
      start: async (assignment) => {
        let count = Number((await stateOf(assignment))[0]?.[1] ?? 0)
        seen(assignment.partition, count)
        return plain(assignment, ({ partition, records }) => {
          count += records.length
          setImmediate(seen, partition, count)
          return {
            next: nextOf({ topic: 'in', partition, records }),
            publish: records.map(({ value }) => ({ topic: 'out', partition, value: Buffer.from(value) })),
            state: [{ key: 'count', value: bytes(`${count}`) }],
          }
        })
      },
    })

  it('copies each record once while members come, and go without a word', async () => {
    const prefix = `${randomUUID()}.`
    const network = new Network()
    const first = await open(prefix, network)
    await fill(first)
    const counts = new Map<number, number>()
    const done = new AbortController()
    const reached = (share: number) =>
      expect
        .poll(() => [...counts.values()].reduce((sum, count) => sum + count, 0), { timeout: 60_000 })
        .toBeGreaterThanOrEqual(PARTITIONS * RECORDS * share)
    const seen = (partition: number, count: number) => void counts.set(partition, count)
    const one = copy(first, new AbortController(), seen)
    one.catch(() => {})
    await reached(0.2)
    const second = await open(prefix)
    const two = copy(second, done, seen)
    await reached(0.5)
    network.cut()
    await reached(1)
    const reader = await open(prefix)
    expect(await contents(reader, 'out', PARTITIONS * RECORDS)).toEqual(all)
    done.abort()
    await two
  })

  it('goes on after the broker was killed, each record once', async () => {
    const bus = await open(`${randomUUID()}.`)
    await fill(bus)
    const counts = new Map<number, number>()
    const stop = new AbortController()
    const sum = () => [...counts.values()].reduce((total, count) => total + count, 0)
    const running = copy(bus, stop, (partition, count) => void counts.set(partition, count))
    await expect.poll(sum, { timeout: 60_000 }).toBeGreaterThan(100)
    await broker.kill()
    const refused = bus.publish([{ topic: 'in', partition: 0, value: bytes('refused') }])
    await expect(refused).rejects.toMatchObject({ code: 'bus_unavailable', retriable: true })
    await broker.start()
    await expect.poll(sum, { timeout: 60_000 }).toBe(PARTITIONS * RECORDS)
    expect(await contents(bus, 'out', PARTITIONS * RECORDS)).toEqual(all)
    stop.abort()
    await running
  })

  it('takes the longest record there may be, and refuses a longer one', async () => {
    const bus = await open(`${randomUUID()}.`)
    const longest = Buffer.alloc(MAX_RECORD_BYTES, 'eastwatch')
    await bus.publish([{ topic: 'in', partition: 1, value: longest }])
    const got = (await take(bus, 'in', 'g', 1)).get(1)!
    expect(Buffer.compare(got[0]!.value, longest)).toBe(0)
    const longer = { topic: 'in', partition: 1, value: Buffer.alloc(MAX_RECORD_BYTES + 1) }
    await expect(bus.publish([longer])).rejects.toMatchObject({ code: 'too_large' })
  })

  it('refuses topics of another number of partitions, by name', async () => {
    const prefix = `${randomUUID()}.`
    await open(prefix)
    await expect(open(prefix, new Network(), 3)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(/^topic .*in has 4 partitions, 3 are configured/),
    })
  })

  it('refuses a topic that was made by hand with too short records, before anything is lost', async () => {
    const prefix = `${randomUUID()}.`
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: `${prefix}in`, numPartitions: PARTITIONS, replicationFactor: 1 }] })
    await admin.disconnect()
    await expect(open(prefix)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(`topic ${prefix}in has max.message.bytes=1048588, and 33619968 is needed`),
    })
  })

  it('says that there are too few brokers for the copies asked for', async () => {
    await expect(open(`${randomUUID()}.`, new Network(), PARTITIONS, { replicationFactor: 3 })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('fewer brokers than bus.kafka.replicationFactor'),
    })
  })

  it('says that no broker can be reached', async () => {
    const reach = { brokers: [UNREACHABLE] }
    const topics = [{ name: 'in', partitions: 1 }]
    const nowhere = openKafkaBus({
      reach,
      prefix: 'x.',
      folder: newFolder(),
      topics,
      replicationFactor: 1,
      sessionTimeoutMs: 1500,
    })
    const error = await nowhere.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PipelineError)
    expect(error).toMatchObject({
      code: 'bus_unavailable',
      retriable: true,
      message: expect.stringMatching(UNREACHABLE),
    })
  })

  it('gives partitions back when it is told to stop, so that others have them at once', async () => {
    const prefix = `${randomUUID()}.`
    const first = await open(prefix)
    await fill(first)
    const counts = new Map<number, number>()
    const seen = (partition: number, count: number) => void counts.set(partition, count)
    const stop = new AbortController()
    const one = copy(first, stop, seen)
    await expect.poll(() => counts.size).toBe(PARTITIONS)
    stop.abort()
    await one
    counts.clear()
    const again = new AbortController()
    const two = copy(await open(prefix), again, seen)
    await expect.poll(() => [...counts.values()].filter((count) => count === RECORDS).length).toBe(PARTITIONS)
    again.abort()
    await two
    expect(await contents(first, 'out', PARTITIONS * RECORDS)).toEqual(all)
  })

  it('leaves partitions where they are when members come, go, and come back under another name', async () => {
    const prefix = `${randomUUID()}.`
    /** Owners that have started, by member, in order. */
    const starts: string[] = []
    const shares = new Map<string, readonly number[]>()
    const join = async (name: string) => {
      const bus = await open(prefix)
      const stop = new AbortController()
      const running = bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        onAssigned: (share) => void shares.set(name, share),
        start: (assignment) => {
          starts.push(`${name} ${assignment.partition}`)
          return plain(assignment, () => undefined)
        },
      })
      return async () => {
        stop.abort()
        await running
      }
    }
    const sizes = () => [...shares.values()].map(({ length }) => length).sort((a, b) => b - a)
    const settled = (...wanted: number[]) =>
      expect.poll(() => [sizes(), starts.length], { timeout: 30_000 }).toEqual([wanted, expected])
    let expected = 4
    const leaveFirst = await join('first')
    await settled(4)
    expected += 2
    const leaveSecond = await join('second')
    await settled(2, 2)
    expected += 1
    const leaveThird = await join('third')
    await settled(2, 1, 1)
    const [third] = shares.get('third')!
    await leaveThird()
    expected += 1
    await settled(2, 2, 0)
    expected += 1
    const leaveAgain = await join('third')
    await settled(2, 1, 1)
    expect(starts.at(-1)).toMatch(/^third /)
    expect(starts.filter((start) => start.endsWith(` ${third}`)).length).toBeGreaterThan(1)
    for (const leave of [leaveFirst, leaveSecond, leaveAgain]) await leave()
  })

  it('restores a state from the copy on its disk and what came since; without one from Kafka, the same', async () => {
    const prefix = `${randomUUID()}.`
    const folder = newFolder()
    const entries = 200
    /** One step on what is there, which writes this. */
    const write = (bus: Bus, state: StateWrite[]) => {
      const stop = new AbortController()
      return bus.process({
        topic: 'in',
        group: 'g',
        signal: stop.signal,
        start: (assignment) =>
          plain(assignment, (batch) => {
            stop.abort()
            return { next: nextOf(batch), state }
          }),
      })
    }
    /** What the group finds in partition 0, and the bytes that came from the broker for it. */
    const found = async (changes: Partial<KafkaBusOptions>) => {
      const network = new Network()
      const bus = await open(prefix, network, 1, changes)
      const [first] = await assignments(bus, 'in', 'g')
      const { bytesRead } = network
      await bus.close()
      return { first, bytesRead }
    }
    const here = await open(prefix, new Network(), 1, { folder })
    await here.publish([{ topic: 'in', partition: 0, value: bytes('one') }])
    await write(
      here,
      Array.from({ length: entries }, (_, i) => ({ key: `${i}`, value: Buffer.alloc(10_000, 'a') })),
    )
    await here.close()
    const elsewhere = await open(prefix, new Network(), 1)
    await elsewhere.publish([{ topic: 'in', partition: 0, value: bytes('two') }])
    await write(elsewhere, [
      { key: '7', value: bytes('changed') },
      { key: '8', value: null },
    ])
    const withCopy = await found({ folder })
    const without = await found({})
    expect(withCopy.first!.state).toHaveLength(entries - 1)
    expect(new Map(withCopy.first!.state).get('7')).toBe('changed')
    expect(withCopy.first).toEqual(without.first)
    expect(without.bytesRead).toBeGreaterThan(entries * 10_000)
    expect(withCopy.bytesRead).toBeLessThan((entries * 10_000) / 10)
  })

  it('refuses records while a required group has not read what Kafka drops soon, and takes them again when it has', async () => {
    const prefix = `${randomUUID()}.`
    const bus = await open(prefix, new Network(), 1, { requiredGroups: [{ topic: 'in', group: 'g' }] })
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const publish = () => bus.publish([{ topic: 'in', partition: 0, value: bytes('x') }])
    await publish()
    const configEntries = [{ name: 'retention.ms', value: '2000' }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: `${prefix}in`, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
    await admin.disconnect()
    const outcome = () =>
      publish().then(
        () => 'taken',
        (error: PipelineError) => `${error.code}: ${error.message}`,
      )
    await expect
      .poll(outcome, { timeout: 30_000 })
      .toBe(
        'bus_full: no new records are taken: group g of in/0 has not read what Kafka drops soon, past 80 % of retention.ms 2000',
      )
    const stop = new AbortController()
    const reading = bus.process({
      topic: 'in',
      group: 'g',
      signal: stop.signal,
      start: (assignment) => plain(assignment, (batch) => ({ next: nextOf(batch) })),
    })
    await expect.poll(outcome, { timeout: 30_000 }).toBe('taken')
    stop.abort()
    await reading
  })

  it('refuses records where Kafka drops by size and a required group has read next to nothing of what is left', async () => {
    const prefix = `${randomUUID()}.`
    const bus = await open(prefix, new Network(), 1, { requiredGroups: [{ topic: 'in', group: 'g' }] })
    const records = Array.from({ length: 20 }, (_, i) => ({ topic: 'in', partition: 0, value: bytes(`${i}`) }))
    await bus.publish(records)
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const configEntries = [{ name: 'retention.bytes', value: '1000000' }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: `${prefix}in`, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
    await admin.fetchTopicOffsets(`${prefix}in`)
    await admin.deleteTopicRecords({ topic: `${prefix}in`, partitions: [{ partition: 0, offset: '10' }] })
    await admin.disconnect()
    const outcome = () =>
      bus.publish([]).then(
        () => 'taken',
        (error: PipelineError) => `${error.code}: ${error.message}`,
      )
    await expect
      .poll(outcome, { timeout: 30_000 })
      .toBe(
        'bus_full: no new records are taken: group g of in/0 has not read what Kafka drops soon, past 80 % of retention.bytes 1000000',
      )
    await take(bus, 'in', 'g', 10)
    await expect.poll(outcome, { timeout: 30_000 }).toBe('taken')
  })

  it('takes records again once a group whose records were dropped has forgotten its state, also where it has nothing to read', async () => {
    const prefix = `${randomUUID()}.`
    const required = { requiredGroups: [{ topic: 'in', group: 'g' }] }
    const bus = await open(prefix, new Network(), 1, required)
    await bus.publish(Array.from({ length: 20 }, (_, i) => ({ topic: 'in', partition: 0, value: bytes(`${i}`) })))
    await take(bus, 'in', 'g', 5, 1)
    await bus.close()
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.fetchTopicOffsets(`${prefix}in`)
    await admin.deleteTopicRecords({ topic: `${prefix}in`, partitions: [{ partition: 0, offset: '20' }] })
    await admin.deleteTopics({ topics: [`${prefix}g.in.state`] })
    await admin.disconnect()
    const again = await open(prefix, new Network(), 1, required)
    await expect(again.publish([])).rejects.toMatchObject({ code: 'bus_full' })
    const stop = new AbortController()
    const reading = again.process({
      topic: 'in',
      group: 'g',
      signal: stop.signal,
      start: (assignment) => plain(assignment, () => undefined),
    })
    await expect
      .poll(
        () =>
          again.publish([]).then(
            () => 'taken',
            () => 'refused',
          ),
        { timeout: 30_000 },
      )
      .toBe('taken')
    stop.abort()
    await reading
  })

  it('stops a group whose offset is no longer in the log, and says so', async () => {
    const prefix = `${randomUUID()}.`
    const bus = await open(prefix, new Network(), 1)
    const values = ['a', 'b', 'c'].map((one) => ({ topic: 'in', partition: 0, value: bytes(one) }))
    await bus.publish(values)
    await take(bus, 'in', 'g', 1, 1)
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    // kafkajs deletes only where it knows the topic's leaders.
    await admin.fetchTopicOffsets(`${prefix}in`)
    await admin.deleteTopicRecords({ topic: `${prefix}in`, partitions: [{ partition: 0, offset: '3' }] })
    await admin.disconnect()
    await expect(take(bus, 'in', 'g', 1)).rejects.toMatchObject({
      code: 'offset_lost',
      message: 'group g needs in/0 from offset 1, and the log begins at 3',
    })
  })

  it('hands out nothing of two transactions that were open at once and were aborted, the later one first', async () => {
    const prefix = `${randomUUID()}.`
    const bus = await open(prefix, new Network(), 1)
    const client = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING })
    const topic = `${prefix}in`
    const begun = async (id: string) => {
      const producer = client.producer({ transactionalId: `${prefix}${id}`, idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ partition: 0, value: `aborted ${id}` }] })
      return { producer, transaction }
    }
    const [first, second] = [await begun('first'), await begun('second')]
    for (const { producer, transaction } of [second, first]) {
      await transaction.abort()
      await producer.disconnect()
    }
    await bus.publish([{ topic: 'in', partition: 0, value: bytes('committed') }])
    expect(await contents(bus, 'in', 1)).toEqual([['committed']])
  })

  it('is opened by several at once where there are no topics yet', async () => {
    const topics = Array.from({ length: 12 }, (_, i) => ({ name: `new-${i}`, partitions: PARTITIONS }))
    const prefix = `${randomUUID()}.`
    const buses = await Promise.all(
      Array.from({ length: 6 }, () => open(prefix, new Network(), PARTITIONS, { topics })),
    )
    const records = buses.map((_, i) => ({ topic: `new-${i}`, partition: i % PARTITIONS, value: bytes(`from ${i}`) }))
    await Promise.all(buses.map((bus, i) => bus.publish([records[i]!])))
    const read = await contents(buses[0]!, 'new-5', 1)
    expect(read[5 % PARTITIONS]).toEqual(['from 5'])
  })

  it('takes up many topics at once, and says meanwhile how far they are', async () => {
    const topics = Array.from({ length: 30 }, (_, i) => ({ name: `many-${i}`, partitions: 1 }))
    const bus = await open(`${randomUUID()}.`, new Network(), 1, { topics })
    const stop = new AbortController()
    const started = new Set<string>()
    const start = async (assignment: Assignment) => {
      await bus.lag()
      started.add(assignment.topic)
      if (started.size === topics.length) stop.abort()
      return plain(assignment, () => undefined)
    }
    await Promise.all(topics.map(({ name }) => bus.process({ topic: name, group: 'g', signal: stop.signal, start })))
    expect(started.size).toBe(topics.length)
  })

  it('gives every follower every record, those from before first, all of them up to now where it is asked, and goes on after the broker was killed', async () => {
    const prefix = `${randomUUID()}.`
    const bus = await open(prefix)
    const records = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({
        topic: 'in',
        partition: i % PARTITIONS,
        value: bytes(`${from + i}`),
      }))
    await bus.publish(records(0, 40))
    const stop = new AbortController()
    const followers = await Promise.all(
      [bus, await open(prefix)].map(async (one) => {
        const seen = new Set<string>()
        const onRecords = (given: readonly BusRecord[]) => {
          for (const { value } of given) seen.add(text(value))
        }
        const { caughtUp, running, upToNow } = one.follow({ topic: 'in', since: 0, onRecords, signal: stop.signal })
        await caughtUp
        expect(seen.size).toBe(40)
        return { seen, running, upToNow }
      }),
    )
    const haveAll = (count: number) =>
      Promise.all(
        followers.map(async ({ seen, upToNow }) => {
          await upToNow()
          expect(seen.size).toBe(count)
        }),
      )
    for (let count = 40; count < 60; count += 1) {
      await bus.publish(records(count, count + 1))
      await haveAll(count + 1)
    }
    await broker.kill()
    for (const { upToNow } of followers) await expect(upToNow()).rejects.toMatchObject({ code: 'bus_unavailable' })
    await broker.start()
    const again = { firstMs: 50, maxMs: 500, signal: AbortSignal.timeout(60_000) }
    await retry(() => bus.publish(records(60, 80)), again)
    await retry(() => haveAll(80), again)
    broker.pause()
    for (const { upToNow } of followers) {
      await expect(upToNow()).rejects.toMatchObject({ code: 'bus_unavailable', retriable: true })
    }
    broker.resume()
    await retry(() => bus.publish(records(80, 100)), again)
    await retry(() => haveAll(100), again)
    stop.abort()
    for (const { running } of followers) await running
    expect((await bus.lag()).length).toBe(0)
  })

  it('a follower of a topic with nothing young enough has caught up at once, and is given what comes', async () => {
    const bus = await open(`${randomUUID()}.`)
    await bus.publish([{ topic: 'in', partition: 0, value: bytes('old') }])
    const stop = new AbortController()
    const seen: string[] = []
    const onRecords = (given: readonly BusRecord[]) => seen.push(...given.map(({ value }) => text(value)))
    const since = Date.now() + 3_600_000
    const { caughtUp, running } = bus.follow({ topic: 'in', since, onRecords, signal: stop.signal })
    await caughtUp
    await bus.publish([{ topic: 'in', partition: 0, value: bytes('new') }])
    await expect.poll(() => seen, { timeout: 30_000 }).toEqual(['new'])
    stop.abort()
    await running
  })
})
