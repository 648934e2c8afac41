/** What a stock OpenTelemetry Collector wrote to Kafka, read by one collector: a backlog of one topic, in each compression. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import * as zstd from '@foxglove/wasm-zstd'
import kafkajs from 'kafkajs'
import { compressFrame } from 'lz4-napi'
import { pino } from 'pino'
import { compress as snappy } from 'snappy'
import { startCollector } from '../collector/app.ts'
import { CollectorConfig } from '../collector/config.ts'
import { MAX_BATCH_BYTES } from '../collector/kafka/bounded-batches.ts'
import { type Compression, DECOMPRESS } from '../collector/kafka/codecs.ts'
import { createAnnotator } from '../collector/naming/annotate.ts'
import { SOURCES } from '../collector/sources/registry.ts'
import { systemClock } from '../core/clock.ts'
import { PolicyConfig } from '../policy/config.ts'
import { loadSnapshot } from '../policy/snapshot.ts'
import { KafkaSite } from './role-process.ts'
import type { Row } from './row.ts'
import { RECORDS_PER_BODY, renew, shopBodies } from './shop-bodies.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
const MESSAGES = 1000
const PARTITIONS = 4
const gzipAsync = promisify(gzip)

const COMPRESSIONS = {
  none: { type: CompressionTypes.None, compress: undefined },
  gzip: { type: CompressionTypes.GZIP, compress: (bytes: Buffer) => gzipAsync(bytes) },
  snappy: { type: CompressionTypes.Snappy, compress: (bytes: Buffer) => snappy(bytes) },
  lz4: { type: CompressionTypes.LZ4, compress: (bytes: Buffer) => compressFrame(bytes) },
  zstd: { type: CompressionTypes.ZSTD, compress: async (bytes: Buffer) => zstd.compress(bytes) },
} as const
type Name = keyof typeof COMPRESSIONS

export async function benchOtlpFromKafka(): Promise<Row[]> {
  const site = new KafkaSite()
  await zstd.isLoaded
  try {
    const rows: Row[] = []
    for (const name of Object.keys(COMPRESSIONS) as Name[]) {
      await write(site.brokers, name)
      const { seconds, cpu } = await read(site, name)
      const records = MESSAGES * RECORDS_PER_BODY
      const [each, perCpu] = [whole(records / seconds), whole(records / cpu)]
      rows.push({ measured: `${name}: records a second, and per CPU-second`, figure: `${each}, ${perCpu}` })
    }
    return rows
  } finally {
    await site.stop()
  }
}

const topicOf = (name: Name) => `otlp_logs-${name}`

async function write(brokers: string, name: Name): Promise<void> {
  const { type: compression, compress } = COMPRESSIONS[name]
  if (compress !== undefined) {
    CompressionCodecs[compression] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => compress(buffer),
      decompress: (bytes: Buffer) => DECOMPRESS[name as Compression](bytes, MAX_BATCH_BYTES),
    })
  }
  const kafka = new Kafka({ brokers: [brokers], clientId: 'bench', logLevel: logLevel.NOTHING })
  const [admin, producer] = [kafka.admin(), kafka.producer()]
  await Promise.all([admin.connect(), producer.connect()])
  const wanted = { topic: topicOf(name), numPartitions: PARTITIONS, replicationFactor: 1 }
  await admin.createTopics({ topics: [wanted], waitForLeaders: true })
  const bodies = shopBodies(16)
  for (let i = 0; i < MESSAGES; i += 1) {
    const body = bodies[i % bodies.length]!
    renew(body, systemClock.now())
    await producer.send({
      topic: topicOf(name),
      compression,
      messages: [{ value: body.bytes, partition: i % PARTITIONS }],
    })
  }
  await Promise.all([admin.disconnect(), producer.disconnect()])
}

/** From the start of the collector to its last record, on a log that takes everything at once. */
async function read(site: KafkaSite, name: Name): Promise<{ seconds: number; cpu: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const stop = new AbortController()
  const policy = PolicyConfig.parse({})
  const { snapshot } = loadSnapshot(join(site.dataFolder, policy.folder), policy)
  const [began, cpuBefore] = [performance.now(), process.cpuUsage()]
  const collector = await startCollector(
    {
      config: CollectorConfig.parse({
        grpcAddress: '127.0.0.1:0',
        httpAddress: '127.0.0.1:0',
        quotas: { recordsPerSecond: 10_000_000 },
      }),
      kafka: {
        connection: { brokers: [site.brokers] },
        prefix: 'bench.',
        sessionTimeoutMs: 10_000,
        topics: [{ topic: topicOf(name), signal: 'logs', encoding: 'otlp_proto', trusted: true }],
      },
      dataFolder: folder,
      bus: { partitions: () => PARTITIONS, publish: async () => {} },
      clock: systemClock,
      sources: SOURCES,
      annotator: createAnnotator(() => snapshot),
      logger: pino({ level: 'silent' }),
      ticking: true,
    },
    stop.signal,
  )
  while (collector.counts().received.logs < MESSAGES * RECORDS_PER_BODY) await delay(5)
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  stop.abort()
  await collector.stopped
  rmSync(folder, { recursive: true, force: true })
  return { seconds, cpu: (user + system) / 1e6 }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
