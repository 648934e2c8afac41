/** The bus on Kafka: one topic for each of the bus, and a compacted one for the state of each group (docs/decisions/009-kafka-bus.md). */

import { messageOf, PipelineError } from '../../errors.ts'
import { lockFolder } from '../../lifecycle/folder-lock.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import {
  type Bus,
  type Following,
  type FollowOptions,
  type GroupLag,
  MAX_RECORD_BYTES,
  type ProcessOptions,
  type Publication,
  type RequiredGroup,
  type TopicSpec,
} from '../bus.ts'
import { hideAbortedRecords } from './aborted-records.ts'
import { type Client, createClient, type Reach } from './client.ts'
import { fromKafka } from './errors.ts'
import { Feed } from './feed.ts'
import { followTopic, type Stretch } from './follow.ts'
import type { Ends } from './front.ts'
import { type Ownership, type PartitionHandle, readGroup } from './group-reader.ts'
import { Names } from './names.ts'
import { ownPartition } from './partition-owner.ts'
import { Publisher } from './publisher.ts'
import { Room } from './room.ts'
import { recordMessage, Sends } from './sends.ts'
import { SerialAdmin } from './serial-admin.ts'
import { StateCopies } from './state-copy.ts'
import { requireTopics, stateTopic, streamTopic } from './topics.ts'
import { Trial } from './trial.ts'

const BACKOFF = { firstMs: 50, maxMs: 5000 }

export interface KafkaBusOptions {
  reach: Reach
  /** What all names in Kafka begin with. */
  prefix: string
  /** For copies of states, on a disk of this process alone; may be lost. */
  folder: string
  topics: readonly TopicSpec[]
  /** Groups that must keep up with what Kafka still holds, or senders wait. */
  requiredGroups?: readonly RequiredGroup[]
  replicationFactor: number
  sessionTimeoutMs: number
  logger?: Logger
}

/** Opens the bus, with topics made where they are missing. Throws `bus_unavailable`, or `config` for what only its operator can mend. */
export async function openKafkaBus(options: KafkaBusOptions): Promise<KafkaBus> {
  hideAbortedRecords()
  const kafka = createClient(options.reach, options.logger)
  const admin = new SerialAdmin(kafka.admin())
  const publisher = new Publisher(kafka)
  const unlock = lockFolder(options.folder, 'the copy of states')
  let copies: StateCopies | undefined
  try {
    copies = new StateCopies(options.folder)
    await admin.connect()
    await publisher.connect()
    const names = new Names(options.prefix)
    const topics = options.topics.map(({ name, partitions }) => streamTopic(names.topic(name), partitions))
    await admin.ask((kafkajs) => requireTopics(kafkajs, topics, options.replicationFactor))
    const { clusterId } = await admin.ask((kafkajs) => kafkajs.describeCluster())
    return new KafkaBus(options, { names, kafka, admin, publisher, copies, clusterId, unlock })
  } catch (error) {
    await Promise.allSettled([admin.disconnect(), publisher.disconnect(), copies?.close()])
    unlock()
    throw fromKafka(error)
  }
}

interface Connected {
  names: Names
  kafka: Client
  admin: SerialAdmin
  publisher: Publisher
  copies: StateCopies
  clusterId: string
  unlock: () => void
}

export class KafkaBus implements Bus {
  readonly #options: KafkaBusOptions
  readonly #connected: Connected
  readonly #room: Room
  readonly #partitions: ReadonlyMap<string, number>
  readonly #closing = new AbortController()
  readonly #processes = new Set<Promise<void>>()
  /** Of publishing: it was connected, and whoever sends is told to come again whatever is wrong. */
  readonly #trial = new Trial()

  constructor(options: KafkaBusOptions, connected: Connected) {
    this.#options = options
    this.#connected = connected
    this.#partitions = new Map(options.topics.map(({ name, partitions }) => [name, partitions]))
    this.#trial.pass()
    this.#room = new Room(connected.admin, connected.names, options.requiredGroups ?? [])
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
    const { names, publisher } = this.#connected
    try {
      await this.#room.require()
      const sends = new Sends()
      for (const { topic, partition, value } of records) {
        sends.add(names.topic(topic), recordMessage(partition, value))
      }
      await publisher.send(sends)
    } catch (error) {
      throw this.#trial.fromKafka(error)
    }
  }

  process(options: ProcessOptions): Promise<void> {
    return this.#remember(this.#process(options))
  }

  follow(options: FollowOptions): Following {
    const { kafka, names } = this.#connected
    // Its own: how soon a follower is up to now must not depend on what else is asked of the cluster.
    const admin = new SerialAdmin(kafka.admin())
    const topic = names.topic(options.topic)
    const { running, ...following } = followTopic(options, AbortSignal.any([options.signal, this.#closing.signal]), {
      kafka,
      topic,
      stretches: () => since(admin, topic, options.since),
      ends: () => ends(admin, topic),
      logger: this.#options.logger,
    })
    return { ...following, running: this.#remember(running.finally(() => admin.disconnect())) }
  }

  /** `close` waits for it. */
  #remember(running: Promise<void>): Promise<void> {
    this.#processes.add(running)
    const forget = () => this.#processes.delete(running)
    running.then(forget, forget)
    return running
  }

  async #process(options: ProcessOptions): Promise<void> {
    const partitions = this.partitions(options.topic)
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    if (signal.aborted) return
    const { kafka, names, admin, copies, clusterId } = this.#connected
    const { sessionTimeoutMs, replicationFactor, logger } = this.#options
    const state = names.state(options)
    const wanted = [stateTopic(state, partitions)]
    const trial = new Trial()
    const requireState = () => admin.ask((kafkajs) => requireTopics(kafkajs, wanted, replicationFactor))
    const onRetry = (error: unknown, attempt: number): void => {
      logger?.warn({ topic: state, attempt, error: messageOf(error) }, 'a topic for state cannot be had yet')
    }
    try {
      await retry(requireState, { ...BACKOFF, signal, onRetry })
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    const own = (partition: number, handle: PartitionHandle, stop: AbortSignal): Ownership => {
      const feed = new Feed(handle)
      const done = ownPartition(options, AbortSignal.any([signal, stop]), {
        kafka,
        names,
        partition,
        feed,
        logId: names.logId(clusterId),
        copy: copies.of(`${clusterId}/${state}`, partition),
        bounds: (topic, of) => this.#bounds(topic, of),
        require: (records) => this.#require(records),
        trial,
        logger,
      })
      return { intake: feed, done }
    }
    const member = {
      kafka,
      topic: names.topic(options.topic),
      groupId: names.group(options),
      sessionTimeoutMs,
      trial,
      own,
      onAssigned: (share: readonly number[]) => options.onAssigned?.(share),
      onLeft: () => options.onAssigned?.([]),
      logger,
    }
    await readGroup(member, signal)
  }

  async lag(): Promise<GroupLag[]> {
    const { admin, names } = this.#connected
    const { groups } = await admin.ask((kafkajs) => kafkajs.listGroups())
    const lags: GroupLag[] = []
    for (const { groupId } of groups) {
      const owner = names.ownerOf(groupId)
      if (owner === undefined || !this.#partitions.has(owner.topic)) continue
      const topic = names.topic(owner.topic)
      const [committed] = await admin.ask((kafkajs) => kafkajs.fetchOffsets({ groupId, topics: [topic] }))
      const offsets = await admin.ask((kafkajs) => kafkajs.fetchTopicOffsets(topic))
      const ends = new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
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
    const { admin, publisher, copies, unlock } = this.#connected
    await Promise.allSettled([admin.disconnect(), publisher.disconnect(), copies.close()])
    unlock()
  }

  async #bounds(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const offsets = await this.#connected.admin.ask((kafkajs) => kafkajs.fetchTopicOffsets(topic))
    const { low, high } = offsets.find((one) => one.partition === partition)!
    return { start: Number(low), end: Number(high) }
  }

  #require(records: readonly Publication[]): void {
    for (const { topic, partition, value } of records) {
      if (partition >= this.partitions(topic)) throw new Error(`topic ${topic} has no partition ${partition}`)
      if (value.length <= MAX_RECORD_BYTES) continue
      throw new PipelineError('too_large', `record of ${value.length} bytes for ${topic} exceeds ${MAX_RECORD_BYTES}`)
    }
  }
}

async function since(admin: SerialAdmin, topic: string, ms: number): Promise<Stretch[]> {
  const first = await admin.ask(async (kafkajs) => {
    await kafkajs.connect()
    return kafkajs.fetchTopicOffsetsByTimestamp(topic, Math.floor(ms))
  })
  const from = new Map(first.map(({ partition, offset }) => [partition, Number(offset)]))
  const bounds = await admin.ask((kafkajs) => kafkajs.fetchTopicOffsets(topic))
  return bounds.map(({ partition, low, high }) => ({
    partition,
    // Where a partition has nothing so young, kafkajs gives its end.
    from: Math.max(Number(low), from.get(partition)!),
    end: Number(high),
  }))
}

async function ends(admin: SerialAdmin, topic: string): Promise<Ends> {
  const bounds = await admin.ask((kafkajs) => kafkajs.fetchTopicOffsets(topic))
  return bounds.map(({ partition, high }) => [partition, Number(high)])
}
