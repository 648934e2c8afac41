/** OTLP as OpenTelemetry Collectors write it to a real Kafka, read by the collector role. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { boundBatches, MAX_BATCH_BYTES } from '../../collector/kafka/bounded-batches.ts'
import { SOURCES } from '../../collector/sources/registry.ts'
import { Block, isBlock } from '../../core/block.ts'
import type { Publication } from '../../core/bus/bus.ts'
import type { Call } from '../../core/call.ts'
import { MINUTE, SECOND, SharedClock } from '../../core/clock.ts'
import { SeenDeliveries } from '../../core/deliveries.ts'
import { PipelineError } from '../../core/errors.ts'
import { COMPRESSIONS, registerCompressors, TYPES } from '../collector/kafka/compress.ts'
import { MemoryBus } from '../collector/memory-bus.ts'
import { jsonOf } from '../collector/otlp/reference.ts'
import { logs } from '../collector/requests.ts'
import { running } from '../collector/running.ts'
import { readRecording } from '../envoy/fixture.ts'
import { countRecords } from '../envoy/sink.ts'
import { type Broker, startBroker } from './broker.ts'
import { Network } from './network.ts'
import { type Reading, type ReadingOptions, startReading, topic, Writer } from './reading.ts'

const started = await startBroker()
if ('missing' in started) console.log(`tests of OTLP from a real Kafka are skipped: ${started.missing}`)
const broker = started as Broker

const T0 = 1_795_296_000 * SECOND
const ENCODINGS = ['otlp_proto', 'otlp_json'] as const
const ms = (us: number) => String(Math.floor(us / 1000))

/** Full for calls that it does not take; ticks go in. */
class FullBus extends MemoryBus {
  takes: (path: string) => boolean = () => true

  override publish(records: readonly Publication[]): Promise<void> {
    const blocks = records.filter(({ value }) => isBlock(value)).map(({ value }) => new Block(value))
    const calls = blocks.flatMap((block) => Array.from({ length: block.rows }, (_, row) => block.call(row)))
    if (calls.every(({ path }) => this.takes(path))) return super.publish(records)
    return Promise.reject(new PipelineError('bus_full', 'the log is full', { retriable: true }))
  }
}

describe.skipIf('missing' in started)('OTLP from a real Kafka', { timeout: 60_000 }, () => {
  let writer: Writer
  const readings: Reading[] = []
  beforeAll(() => {
    writer = new Writer(broker.brokers)
    boundBatches()
    registerCompressors()
  })
  afterEach(async () => {
    for (const reading of readings.splice(0)) await reading.stop()
  })
  afterAll(() => broker.stop())

  const read = (options: Omit<ReadingOptions, 'brokers'>): Reading => {
    const reading = startReading({ brokers: broker.brokers, ...options })
    readings.push(reading)
    return reading
  }
  const newTopic = async (partitions = 1): Promise<string> => {
    const name = `otlp_logs-${randomUUID()}`
    await writer.make([name], partitions)
    return name
  }
  const message = (mark: string, atUs = T0, records = 1) => ({
    value: logs(records, mark, {}, atUs),
    timestamp: ms(atUs),
    partition: 0,
  })
  const paths = (calls: readonly Call[]) => calls.map(({ path }) => path).sort()

  /** The calls that a reader of the log goes on with. */
  const afterDuplicates = (bus: MemoryBus): Call[] =>
    Array.from({ length: bus.partitions() }, (_, partition) => {
      const seen = new SeenDeliveries()
      return bus
        .blocks(partition)
        .flatMap((block) =>
          block.deliveries.flatMap(({ id, from, to }) =>
            seen.seen(id) ? [] : Array.from({ length: to - from }, (_, i) => block.call(from + i)),
          ),
        )
    }).flat()

  it('gives the calls that OTLP over HTTP gives, in every encoding and compression', async () => {
    const { bodies, facts } = readRecording('chain')
    const clock = new SharedClock()
    clock.set(Math.ceil(facts.end / SECOND) * SECOND)
    const records = bodies.reduce((sum, body) => sum + countRecords(body), 0)

    const http = await running({}, { sources: SOURCES, clock })
    for (const body of bodies) {
      const headers = { 'content-type': 'application/x-protobuf' }
      const { status } = await fetch(`http://127.0.0.1:${http.ports.http}/v1/logs`, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
      })
      expect(status).toBe(200)
    }
    await http.stop()
    const ofSender = (calls: readonly Call[], sender: string) =>
      calls.filter((call) => call.sender === sender).map((call) => ({ ...call, sender: '' }))
    const expected = (partition: number) => ofSender(http.bus.calls(partition), '127.0.0.1')
    expect(http.bus.calls()).toHaveLength(records)

    const cases = ENCODINGS.flatMap((encoding) =>
      (['none', ...COMPRESSIONS] as const).map((compression) => ({
        encoding,
        compression,
        name: `otlp-${randomUUID()}`,
      })),
    )
    await writer.make(cases.map(({ name }) => name))
    for (const { name, encoding, compression } of cases) {
      const values = encoding === 'otlp_proto' ? bodies : bodies.map(jsonOf)
      const messages = values.map((value) => ({ value, timestamp: ms(clock.now()) }))
      await writer.write(name, messages, TYPES[compression])
    }
    const topics = cases.map(({ name, encoding }) => topic(name, { encoding, trusted: true }))
    const { bus } = read({ topics, sources: SOURCES, clock })
    await expect.poll(() => bus.calls().length).toBe(records * cases.length)
    for (const { name, ...rest } of cases) {
      for (let partition = 0; partition < bus.partitions(); partition += 1) {
        const calls = ofSender(bus.calls(partition), `kafka:${name}`)
        expect({ ...rest, calls }).toEqual({ ...rest, calls: expected(partition) })
      }
    }
    expect(bus.rejected()).toEqual([])
  })

  it('counts traces and metrics, as OTLP does', async () => {
    const [spans, metrics] = [await newTopic(), await newTopic()]
    const span = Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]}]}')
    const gauge = Buffer.from(
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{},{}]}}]}]}]}',
    )
    await writer.write(spans, [{ value: span }])
    await writer.write(metrics, [{ value: gauge }])
    const reading = read({
      topics: [
        topic(spans, { signal: 'traces', encoding: 'otlp_json' }),
        topic(metrics, { signal: 'metrics', encoding: 'otlp_json' }),
      ],
    })
    await expect.poll(() => reading.metrics.counts.received).toEqual({ logs: 0, traces: 2, metrics: 3 })
  })

  it('believes what is in a topic only where the configuration says so', async () => {
    const [open, guarded] = [await newTopic(), await newTopic()]
    for (const name of [open, guarded]) await writer.write(name, [message('x')])
    const { bus } = read({ topics: [topic(open), topic(guarded, { trusted: true })] })
    await expect.poll(() => bus.calls().length).toBe(2)
    const trust = Object.fromEntries(bus.calls().map((call) => [call.sender, call.trust]))
    expect(trust).toEqual({ [`kafka:${open}`]: 'claimed', [`kafka:${guarded}`]: 'verified' })
    expect(new Set(bus.deliveries()).size).toBe(2)
  })

  it('goes on where it stopped, and reads nothing twice', async () => {
    const name = await newTopic(3)
    const prefix = `${randomUUID()}.`
    const messages = Array.from({ length: 30 }, (_, i) => ({ ...message(`m${i}`), partition: i % 3 }))
    await writer.write(name, messages.slice(0, 15))
    const bus = new MemoryBus()
    const first = read({ topics: [topic(name)], prefix, bus })
    await expect.poll(() => bus.calls().length).toBe(15)
    await first.stop()
    expect(await writer.committed(`${prefix}collector@${name}`, name)).toEqual(['5', '5', '5'])
    await writer.write(name, messages.slice(15))
    read({ topics: [topic(name)], prefix, bus })
    await expect.poll(() => bus.calls().length).toBe(30)
    expect(new Set(bus.deliveries()).size).toBe(30)
  })

  it('leaves nothing doubled for readers where it dies between the log and the commit', async () => {
    const name = await newTopic()
    const prefix = `${randomUUID()}.`
    const all = Array.from({ length: 50 }, (_, i) => message(`m${i}`))
    await writer.write(name, all)
    const network = new Network()
    const bus = new MemoryBus()
    // The log takes what comes, and nothing reaches Kafka any more.
    bus.gate = async () => network.cut()
    const first = read({ topics: [topic(name)], prefix, bus, network })
    await expect.poll(() => bus.calls().length).toBeGreaterThan(0)
    await first.stop()
    expect(await writer.committed(`${prefix}collector@${name}`, name)).toEqual(['-1'])
    bus.gate = async () => {}
    const before = bus.deliveries().length
    read({ topics: [topic(name)], prefix, bus })
    await expect.poll(() => bus.deliveries().length).toBe(before + all.length)
    expect(paths(afterDuplicates(bus))).toEqual(all.map((_, i) => `/m${i}/0`).sort())
  })

  it('sets aside what cannot be read, with the place and the reason, and reads on', async () => {
    const name = await newTopic()
    const maxBodyBytes = 64 * 1024
    const marked = (mark: string, value: Buffer) => ({ ...message(mark), value })
    await writer.write(name, [
      message('first'),
      marked('rubbish', Buffer.from('no protobuf')),
      marked('json', Buffer.from('{"resourceLogs":[]}')),
      marked('long', logs(1, 'x', { more: 'x'.repeat(maxBodyBytes) })),
      message('second'),
    ])
    await writer.write(name, [marked('bomb', Buffer.alloc(MAX_BATCH_BYTES))], TYPES.gzip)
    await writer.write(name, [message('third')], TYPES.lz4)

    const prefix = `${randomUUID()}.`
    const reading = read({ topics: [topic(name)], prefix, config: { maxBodyBytes } })
    const { bus } = reading
    await expect.poll(() => bus.calls().length).toBe(3)
    expect(paths(bus.calls())).toEqual(['/first/0', '/second/0', '/third/0'])
    await expect.poll(() => bus.rejected().length).toBe(4)
    const offset = ({ detail }: { detail: string }) => Number(/offset (\d+)\)$/.exec(detail)?.[1])
    const rejected = bus.rejected().sort((a, b) => offset(a) - offset(b))
    expect(rejected.map(({ sender, trust, reason, detail }) => ({ sender, trust, reason, detail }))).toEqual(
      [
        ['bad_input', 1],
        ['bad_input', 2],
        ['too_large', 3],
        ['batch_unreadable', 5],
      ].map(([reason, at]) => ({
        sender: `kafka:${name}`,
        trust: 'claimed',
        reason,
        detail: expect.stringMatching(new RegExp(`\\(topic ${name}, partition 0, offset ${at}\\)$`)),
      })),
    )
    expect(reading.metrics.counts.rejected).toBe(4)
    await reading.stop()
    expect(await writer.committed(`${prefix}collector@${name}`, name)).toEqual(['7'])
  })

  it('holds ticks back to what waits, for ten minutes at most', async () => {
    const name = await newTopic()
    const clock = new SharedClock()
    clock.set(T0 + 60 * MINUTE)
    const at = (i: number) => T0 + i * MINUTE
    const messages = [0, 1, 2].map((i) => message(`m${i}`, at(i), 100))
    await writer.write(name, messages)
    const bus = new FullBus()
    bus.takes = (path) => path.startsWith('/m0/')
    // One message at a time.
    const quotas = { bytesInFlight: messages[0]!.value.length * 1.5 }
    const reading = read({ topics: [topic(name)], clock, bus, config: { quotas } })
    const lastTick = async () => {
      await reading.tick()
      return bus.ticks(0).at(-1)?.time
    }
    await expect.poll(lastTick).toBe(at(1))
    expect(bus.calls()).toHaveLength(100)
    await expect.poll(() => reading.metrics.behindSeconds).toBe(59 * 60)

    clock.set(clock.now() + 10 * MINUTE)
    expect(await lastTick()).toBe(at(1))
    clock.set(clock.now() + MINUTE)
    expect(await lastTick()).toBe(clock.now())

    bus.takes = () => true
    await expect.poll(() => bus.calls().length).toBe(300)
    // They came when Kafka took them.
    expect(bus.calls().filter(({ late }) => late)).toEqual([])
    expect(new Set(bus.deliveries()).size).toBe(bus.deliveries().length)
    expect(bus.rejected()).toEqual([])
  })

  it('writes no tick before it knows what waits', async () => {
    const clock = new SharedClock()
    clock.set(T0)
    const name = await newTopic()
    const network = new Network()
    network.cut()
    const reading = read({ topics: [topic(name)], clock, network })
    await reading.tick()
    expect(reading.bus.ticks()).toEqual([])
    clock.set(T0 + 11 * MINUTE)
    await reading.tick()
    expect(reading.bus.ticks(0).map(({ time }) => time)).toEqual([T0 + 11 * MINUTE])
    await expect.poll(reading.state).toMatchObject({ ready: false })
  })

  it('waits for a topic that is not there yet, and time does not', async () => {
    const clock = new SharedClock()
    clock.set(T0)
    const name = `otlp_logs-${randomUUID()}`
    const reading = read({ topics: [topic(name)], clock })
    await expect.poll(reading.state).toEqual({
      ready: true,
      detail: `waits for ${name}, which is not there or may not be read`,
    })
    await reading.tick()
    expect(reading.bus.ticks(0).map(({ time }) => time)).toEqual([T0])
    await writer.make([name])
    await writer.write(name, [message('x')])
    await expect.poll(() => reading.bus.calls().length).toBe(1)
    await expect.poll(reading.state).toEqual({ ready: true, detail: `reads ${name} (1 of its partitions)` })
  })

  it('shares partitions with other collectors, and has them all when the other has gone', async () => {
    const name = await newTopic(4)
    const prefix = `${randomUUID()}.`
    const bus = new MemoryBus()
    const options = { topics: [topic(name)], prefix, bus }
    const [one, other] = [read(options), read(options)]
    const half = { ready: true, detail: `reads ${name} (2 of its partitions)` }
    await expect.poll(() => [one.state(), other.state()]).toEqual([half, half])
    const write = (from: number) =>
      writer.write(
        name,
        Array.from({ length: 20 }, (_, i) => ({ ...message(`m${from + i}`), partition: i % 4 })),
      )
    await write(0)
    await expect.poll(() => paths(afterDuplicates(bus)).length).toBe(20)
    await other.stop()
    await write(20)
    await expect.poll(() => paths(afterDuplicates(bus)).length).toBe(40)
    await expect.poll(() => one.state().detail).toBe(`reads ${name} (4 of its partitions)`)
  })

  it('tells of messages that Kafka deleted before they were read, and reads on', async () => {
    const name = await newTopic()
    const prefix = `${randomUUID()}.`
    const bus = new MemoryBus()
    await writer.write(name, [message('m0')])
    const first = read({ topics: [topic(name)], prefix, bus })
    await expect.poll(() => bus.calls().length).toBe(1)
    await first.stop()
    await writer.write(
      name,
      [1, 2, 3].map((i) => message(`m${i}`)),
    )
    await writer.deleteBefore(name, 3)
    const second = read({ topics: [topic(name)], prefix, bus })
    await expect.poll(() => bus.calls().length).toBe(2)
    expect(paths(bus.calls())).toEqual(['/m0/0', '/m3/0'])
    expect(second.metrics.counts.lost).toBe(2)
  })
})
