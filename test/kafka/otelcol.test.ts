/** What a stock OpenTelemetry Collector writes to a real Kafka becomes what the same telemetry becomes over OTLP. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { SOURCES } from '../../collector/sources/registry.ts'
import type { Call } from '../../core/call.ts'
import { running } from '../collector/running.ts'
import { readRecording } from '../envoy/fixture.ts'
import { countRecords } from '../envoy/sink.ts'
import { type Broker, startBroker } from './broker.ts'
import { type Otelcol, requireOtelcol, startOtelcol, validate } from './otelcol.ts'
import { startReading, topic, Writer } from './reading.ts'

const otelcol = await requireOtelcol()
const started = 'missing' in otelcol ? otelcol : await startBroker()
const missing = 'missing' in started ? started.missing : undefined
if (missing !== undefined) console.log(`tests of a stock OpenTelemetry Collector are skipped: ${missing}`)
const { program } = otelcol as { program: string }
const broker = started as Broker

const DEPLOYED = join(import.meta.dirname, '../../deploy/otel-collector/kafka.yaml')
const ENCODINGS = ['otlp_proto', 'otlp_json'] as const
const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const SIGNALS = ['logs', 'traces', 'metrics'] as const

interface Written {
  name: string
  signal: (typeof SIGNALS)[number]
  encoding: (typeof ENCODINGS)[number]
  compression: (typeof COMPRESSIONS)[number]
}

/** One Collector that writes everything it is sent to all of these topics. */
const writesTo = (written: readonly Written[], brokers: string) => (port: number) => ({
  receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
  exporters: Object.fromEntries(
    written.map(({ name, signal, encoding, compression }) => [
      `kafka/${name}`,
      {
        brokers: [brokers],
        [signal]: { topic: name, encoding },
        producer: { compression, required_acks: 'all', allow_auto_topic_creation: false },
      },
    ]),
  ),
  service: {
    telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
    pipelines: Object.fromEntries(
      SIGNALS.map((signal) => {
        const exporters = written.filter((one) => one.signal === signal).map(({ name }) => `kafka/${name}`)
        return [signal, { receivers: ['otlp'], exporters }]
      }),
    ),
  },
})

/** In an order of their own; when and from whom they came is not the same. */
function plain(calls: readonly Call[]): string[] {
  return calls.map((call) => JSON.stringify({ ...call, sender: '', received: 0 })).sort()
}

async function post(port: number, signal: string, body: Buffer, type: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/v1/${signal}`
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: new Uint8Array(body) })
  expect(answer.status).toBe(200)
}

describe.skipIf(missing !== undefined)('a stock OpenTelemetry Collector', { timeout: 60_000 }, () => {
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })
  afterAll(() => broker.stop())

  it('is read in every encoding and compression', async () => {
    const written: Written[] = SIGNALS.flatMap((signal) =>
      ENCODINGS.flatMap((encoding) =>
        COMPRESSIONS.map((compression) => ({ name: `otlp-${randomUUID()}`, signal, encoding, compression })),
      ),
    )
    await new Writer(broker.brokers).make(written.map(({ name }) => name))
    const collector: Otelcol = await startOtelcol(program, writesTo(written, broker.brokers))
    stops.push(() => collector.stop())
    const direct = await running({}, { sources: SOURCES })
    stops.push(() => direct.stop())

    const { bodies } = readRecording('chain')
    const records = bodies.reduce((sum, body) => sum + countRecords(body), 0)
    for (const port of [direct.ports.http, collector.port]) {
      for (const body of bodies) await post(port, 'logs', body, 'application/x-protobuf')
    }
    const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', name: 'a' }
    const spans = { resourceSpans: [{ scopeSpans: [{ spans: [span, span] }] }] }
    const points = [{ asInt: '1' }, { asInt: '2' }, { asInt: '3' }]
    const metrics = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: points } }] }] }],
    }
    await post(collector.port, 'traces', Buffer.from(JSON.stringify(spans)), 'application/json')
    await post(collector.port, 'metrics', Buffer.from(JSON.stringify(metrics)), 'application/json')

    const topics = written.map(({ name, signal, encoding }) => topic(name, { signal, encoding, trusted: true }))
    const reading = startReading({ brokers: broker.brokers, topics, sources: SOURCES })
    stops.push(() => reading.stop())
    const each = ENCODINGS.length * COMPRESSIONS.length
    await expect
      .poll(() => reading.metrics.counts.received)
      .toEqual({ logs: records * each, traces: 2 * each, metrics: 3 * each })
    const expected = plain(direct.bus.calls())
    expect(expected).toHaveLength(records)
    for (const { name, ...how } of written.filter(({ signal }) => signal === 'logs')) {
      const calls = plain(reading.bus.calls().filter(({ sender }) => sender === `kafka:${name}`))
      expect({ ...how, calls }).toEqual({ ...how, calls: expected })
    }
    expect(reading.bus.rejected()).toEqual([])
  })

  it('takes the configuration in deploy/, and would not take a wrong one', async () => {
    expect(await validate(program, DEPLOYED)).toEqual({ code: 0, said: '' })
    const wrong = join(tmpdir(), `${randomUUID()}.yaml`)
    writeFileSync(wrong, (await readFile(DEPLOYED, 'utf8')).replace('block_on_overflow', 'blocks'))
    expect(await validate(program, wrong)).toMatchObject({ code: 1, said: expect.stringContaining('blocks') })
  })
})
