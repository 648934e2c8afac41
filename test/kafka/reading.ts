/** The part of a collector that reads Kafka, on a bus in memory, and a writer for it. */
import { randomUUID } from 'node:crypto'
import { type CompressionTypes, Kafka, logLevel, type Message } from 'kafkajs'
import { pino } from 'pino'
import { Admission } from '../../collector/admission.ts'
import { CollectorConfig } from '../../collector/config.ts'
import { Ingest } from '../../collector/ingest.ts'
import { Backlog } from '../../collector/kafka/backlog.ts'
import type { TopicConfig } from '../../collector/kafka/config.ts'
import { readKafka } from '../../collector/kafka/source.ts'
import { CollectorMetrics } from '../../collector/metrics.ts'
import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { Publisher } from '../../collector/publisher.ts'
import type { LogSource } from '../../collector/sources/source.ts'
import { type Clock, SECOND, systemClock } from '../../core/clock.ts'
import type { Check } from '../../core/telemetry/health.ts'
import { MemoryBus } from '../collector/memory-bus.ts'
import { noAnnotator, plainSource } from '../collector/running.ts'
import { Network } from './network.ts'

export interface ReadingOptions {
  brokers: string
  topics: readonly TopicConfig[]
  /** The group's; one of its own by default. */
  prefix?: string
  bus?: MemoryBus
  network?: Network
  clock?: Clock
  sources?: readonly LogSource[]
  config?: object
  /** Of quotas, in milliseconds. */
  nowMs?: () => number
}

export interface Reading {
  bus: MemoryBus
  metrics: CollectorMetrics
  state(): Check
  /** Writes a tick to all partitions of calls. */
  tick(): Promise<void>
  stop(): Promise<void>
}

export function startReading(options: ReadingOptions): Reading {
  const { brokers, topics, prefix = `${randomUUID()}.`, clock = systemClock, sources = [plainSource] } = options
  const { bus = new MemoryBus(), network = new Network() } = options
  const config = CollectorConfig.parse(options.config ?? {})
  const metrics = new CollectorMetrics()
  const backlog = new Backlog(clock)
  const rules = {
    sources,
    annotator: noAnnotator,
    partitions: bus.partitions(),
    latenessUs: config.latenessSeconds * SECOND,
    limits: DEFAULT_LIMITS,
  }
  const publisher = new Publisher({ bus, clock, rules, metrics, reached: () => backlog.reached })
  const admission = new Admission(config, options.nowMs)
  const ingest = new Ingest({ publisher, admission, clock, limits: DEFAULT_LIMITS, metrics })
  const stopping = new AbortController()
  let state: Check = { ready: false, detail: 'told nothing' }
  let seq = 0
  const read = readKafka(
    {
      reach: { brokers: [brokers], socketFactory: network.socketFactory },
      input: { prefix, sessionTimeoutMs: 1500, topics },
      ingest,
      backlog,
      clock,
      metrics,
      maxBodyBytes: config.maxBodyBytes,
      onState: (told) => {
        state = told
      },
      logger: pino({ level: 'silent' }),
    },
    stopping.signal,
  )
  return {
    bus,
    metrics,
    state: () => state,
    tick() {
      seq += 1
      return publisher.tick({ producer: 'c', seq, leave: false })
    },
    async stop() {
      stopping.abort()
      await read
    },
  }
}

export const topic = (name: string, more: Partial<TopicConfig> = {}): TopicConfig => ({
  topic: name,
  signal: 'logs',
  encoding: 'otlp_proto',
  trusted: false,
  ...more,
})

export class Writer {
  readonly #kafka: Kafka

  constructor(brokers: string) {
    this.#kafka = new Kafka({ brokers: [brokers], clientId: 'writer', logLevel: logLevel.NOTHING })
  }

  async make(topics: readonly string[], numPartitions = 1): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const wanted = topics.map((name) => ({ topic: name, numPartitions, replicationFactor: 1 }))
    await admin.createTopics({ topics: wanted, waitForLeaders: true })
    await admin.disconnect()
  }

  /** One batch for each partition that is written to. */
  async write(name: string, messages: Message[], compression?: CompressionTypes): Promise<void> {
    const producer = this.#kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    await producer.send({ topic: name, messages, acks: -1, ...(compression === undefined ? {} : { compression }) })
    await producer.disconnect()
  }

  /** As Kafka does with what is older than its retention. */
  async deleteBefore(name: string, offset: number): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [name] })
    await admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: String(offset) }] })
    await admin.disconnect()
  }

  async committed(groupId: string, name: string): Promise<string[]> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [name] })
    await admin.disconnect()
    return offsets!.partitions.map(({ offset }) => offset)
  }
}
