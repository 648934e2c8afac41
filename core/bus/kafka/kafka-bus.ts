/** The bus on Kafka: one topic for each of the bus, and a compacted one for the state of all groups (docs/decisions/009-kafka-bus.md). */

import { type Admin, Kafka, type KafkaConfig, logLevel, type Message } from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import {
  type Bus,
  type GroupLag,
  MAX_RECORD_BYTES,
  type ProcessOptions,
  type Publication,
  type TopicSpec,
} from '../bus.ts'
import { fromKafka } from './errors.ts'
import { readGroup } from './group-reader.ts'
import { Names } from './names.ts'
import { ownPartition } from './partition-owner.ts'
import { PATIENCE } from './patience.ts'
import { Publisher } from './publisher.ts'
import { requireTopics } from './topics.ts'

export interface KafkaBusOptions {
  client: Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'socketFactory'>
  /** What all names in Kafka begin with. */
  prefix: string
  topics: readonly TopicSpec[]
  replicationFactor: number
  sessionTimeoutMs: number
  logger?: Logger
}

/** Opens the bus, with topics made where they are missing. Throws `bus_unavailable`, or `config` for other partitions. */
export async function openKafkaBus(options: KafkaBusOptions): Promise<KafkaBus> {
  const kafka = new Kafka({ ...options.client, retry: PATIENCE, clientId: 'eastwatch', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const publisher = new Publisher(kafka)
  try {
    await admin.connect()
    await publisher.connect()
    const names = new Names(options.prefix)
    await requireTopics(admin, names, options.topics, options.replicationFactor)
    return new KafkaBus(options, names, kafka, admin, publisher)
  } catch (error) {
    await Promise.allSettled([admin.disconnect(), publisher.disconnect()])
    throw fromKafka(error)
  }
}

export class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions
  readonly #names: Names
  readonly #kafka: Kafka
  readonly #admin: Admin
  readonly #publisher: Publisher
  readonly #partitions: ReadonlyMap<string, number>
  readonly #closing = new AbortController()
  readonly #processes = new Set<Promise<void>>()

  constructor(options: KafkaBusOptions, names: Names, kafka: Kafka, admin: Admin, publisher: Publisher) {
    this.#options = options
    this.#names = names
    this.#kafka = kafka
    this.#admin = admin
    this.#publisher = publisher
    this.#partitions = new Map(options.topics.map(({ name, partitions }) => [name, partitions]))
  }

  partitions(topic: string): number {
    const partitions = this.#partitions.get(topic)
    if (partitions === undefined) throw new Error(`there is no topic ${topic}`)
    return partitions
  }

  async publish(records: readonly Publication[]): Promise<void> {
    if (this.#closing.signal.aborted) {
      throw new PipelineError('bus_unavailable', 'the bus is closed', { retriable: true })
    }
    this.#require(records)
    const messages = new Map<string, Message[]>()
    for (const { topic, partition, value } of records) {
      const list = messages.get(topic) ?? []
      messages.set(topic, list)
      list.push({ partition, value: Buffer.from(value) })
    }
    const topicMessages = [...messages].map(([topic, list]) => ({ topic: this.#names.topic(topic), messages: list }))
    await this.#publisher.send(topicMessages)
  }

  process(options: ProcessOptions): Promise<void> {
    const running = this.#process(options)
    this.#processes.add(running)
    const forget = () => this.#processes.delete(running)
    running.then(forget, forget)
    return running
  }

  async #process(options: ProcessOptions): Promise<void> {
    this.partitions(options.topic)
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    if (signal.aborted) return
    await readGroup(options, signal, {
      kafka: this.#kafka,
      names: this.#names,
      sessionTimeoutMs: this.#options.sessionTimeoutMs,
      logger: this.#options.logger,
      own: (partition, feed, stop) =>
        ownPartition(options, AbortSignal.any([signal, stop]), {
          kafka: this.#kafka,
          names: this.#names,
          partition,
          feed,
          logStart: () => this.#logStart(options.topic, partition),
          require: (records) => this.#require(records),
          logger: this.#options.logger,
        }),
    })
  }

  async lag(): Promise<GroupLag[]> {
    const { groups } = await this.#admin.listGroups()
    const lags: GroupLag[] = []
    for (const { groupId } of groups) {
      const owner = this.#names.ownerOf(groupId)
      if (owner === undefined || !this.#partitions.has(owner.topic)) continue
      const topic = this.#names.topic(owner.topic)
      const [committed] = await this.#admin.fetchOffsets({ groupId, topics: [topic] })
      const ends = new Map(
        (await this.#admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
      )
      for (const { partition, offset } of committed!.partitions) {
        lags.push({ ...owner, partition, committed: Math.max(0, Number(offset)), end: ends.get(partition) ?? 0 })
      }
    }
    return lags
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await Promise.allSettled(this.#processes)
    await Promise.allSettled([this.#admin.disconnect(), this.#publisher.disconnect()])
  }

  async #logStart(topic: string, partition: number): Promise<number> {
    const offsets = await this.#admin.fetchTopicOffsets(this.#names.topic(topic))
    return Number(offsets.find((one) => one.partition === partition)!.low)
  }

  #require(records: readonly Publication[]): void {
    for (const { topic, partition, value } of records) {
      if (partition >= this.partitions(topic)) throw new Error(`topic ${topic} has no partition ${partition}`)
      if (value.length <= MAX_RECORD_BYTES) continue
      throw new PipelineError('too_large', `record of ${value.length} bytes for ${topic} exceeds ${MAX_RECORD_BYTES}`)
    }
  }
}
