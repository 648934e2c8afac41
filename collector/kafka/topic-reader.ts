/**
 * Reads one topic as a member of its group, with every other collector. A consumer group for each topic: with one for all, a topic that is
 * missing or forbidden would halt the others.
 */
import type { Client } from '../../core/bus/kafka/client.ts'
import { type Ownership, type PartitionHandle, readGroup } from '../../core/bus/kafka/group-reader.ts'
import { Names } from '../../core/bus/kafka/names.ts'
import type { SerialAdmin } from '../../core/bus/kafka/serial-admin.ts'
import { Trial } from '../../core/bus/kafka/trial.ts'
import { type Clock, MINUTE } from '../../core/clock.ts'
import { isRetriable, messageOf, PipelineError } from '../../core/errors.ts'
import { retry } from '../../core/retry.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { Backlog, Input } from './backlog.ts'
import type { TopicConfig } from './config.ts'
import { type Bounds, PartitionReader, type PartitionReaderOptions } from './partition-reader.ts'

const GROUP = 'collector'
const BACKOFF = { firstMs: 100, maxMs: 5000 }
/** Joining a group takes this long where another member has just died, and a little more. */
const JOINS_WITHIN = MINUTE

export interface TopicReaderOptions
  extends Pick<PartitionReaderOptions, 'ingest' | 'clock' | 'maxBodyBytes' | 'onLost' | 'logger'> {
  kafka: Pick<Client, 'consumer'>
  admin: SerialAdmin
  topic: TopicConfig
  prefix: string
  sessionTimeoutMs: number
  backlog: Backlog
}

export class TopicReader {
  readonly #options: TopicReaderOptions
  readonly #groupId: string
  readonly #membership: Membership
  /** The last trouble; undefined while it reads. */
  #problem: string | undefined

  constructor(options: TopicReaderOptions) {
    this.#options = options
    this.#groupId = new Names(options.prefix).group({ group: GROUP, topic: options.topic.topic })
    this.#membership = new Membership(options.clock)
  }

  get check(): Check {
    const { topic } = this.#options.topic
    const { share, isMissing, isOverdue } = this.#membership
    if (isMissing) return { ready: true, detail: `waits for ${topic}, which is not there or may not be read` }
    if (share !== undefined) return { ready: true, detail: `reads ${topic} (${share} of its partitions)` }
    const why = this.#problem === undefined ? '' : `: ${this.#problem}`
    return { ready: !isOverdue, detail: `begins to read ${topic}${why}` }
  }

  /** Until the signal aborts; then everything taken in is durable, and the offsets are committed. Trouble passes, or is told. */
  async run(signal: AbortSignal): Promise<void> {
    const { backlog, logger, topic } = this.#options
    const onRetry = (error: unknown, attempt: number): void => {
      this.#problem = messageOf(error)
      if (attempt % 10 !== 1) return
      logger.warn({ topic: topic.topic, attempt, error: this.#problem }, 'a topic is not read yet')
    }
    const again = { ...BACKOFF, signal, onRetry }
    backlog.add(this.#membership)
    try {
      await retry(() => this.#requireTopic(), again)
      await retry(() => this.#beMember(signal), again)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      backlog.delete(this.#membership)
    }
  }

  async #requireTopic(): Promise<void> {
    const { admin, topic } = this.#options
    const names = await passing(
      admin.ask(async (kafkajs) => {
        await kafkajs.connect()
        return kafkajs.listTopics()
      }),
    )
    this.#membership.isMissing = !names.includes(topic.topic)
    if (!this.#membership.isMissing) return
    throw new PipelineError('bus_unavailable', `topic ${topic.topic} is not there, or may not be read`, {
      retriable: true,
    })
  }

  /** One input of several must not end the collector, whatever is wrong with it: so everything is tried again. */
  async #beMember(signal: AbortSignal): Promise<void> {
    const { kafka, topic, sessionTimeoutMs, logger } = this.#options
    const trial = new Trial()
    trial.pass()
    const member = {
      kafka,
      topic: topic.topic,
      groupId: this.#groupId,
      sessionTimeoutMs,
      trial,
      own: (partition: number, handle: PartitionHandle, stop: AbortSignal) =>
        this.#own(partition, handle, stop, signal),
      onAssigned: (share: readonly number[]) => {
        this.#problem = undefined
        this.#membership.share = share.length
      },
      onLeft: () => {
        this.#membership.share = undefined
      },
      logger,
    }
    await passing(readGroup(member, signal))
  }

  #own(partition: number, handle: PartitionHandle, stop: AbortSignal, stopping: AbortSignal): Ownership {
    const { backlog } = this.#options
    const reader = new PartitionReader({ ...this.#options, partition, handle, bounds: () => this.#bounds(partition) })
    backlog.add(reader)
    // Another may have it already where it was taken away, and have committed more.
    const done = reader.run(stop, () => stopping.aborted).finally(() => backlog.delete(reader))
    return { intake: reader, done }
  }

  async #bounds(partition: number): Promise<Bounds> {
    const { admin, topic } = this.#options
    const ends = await admin.ask((kafkajs) => kafkajs.fetchTopicOffsets(topic.topic))
    const { low, high } = ends.find((one) => one.partition === partition)!
    const [group] = await admin.ask((kafkajs) =>
      kafkajs.fetchOffsets({ groupId: this.#groupId, topics: [topic.topic] }),
    )
    const offset = Number(group?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
    return { committed: offset < 0 ? undefined : offset, start: Number(low), end: Number(high) }
  }
}

/** Until it has a share it does not know what waits, and time waits for it. */
class Membership implements Input {
  readonly #clock: Clock
  #share: number | undefined
  #isMissing = false
  /** When it began to have none. */
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** How many partitions. */
  get share(): number | undefined {
    return this.#share
  }

  set share(partitions: number | undefined) {
    if (this.#share !== undefined && partitions === undefined) this.#since = this.#clock.now()
    this.#share = partitions
  }

  /** There is no topic to read. */
  get isMissing(): boolean {
    return this.#isMissing
  }

  set isMissing(isMissing: boolean) {
    if (this.#isMissing && !isMissing) this.#since = this.#clock.now()
    this.#isMissing = isMissing
  }

  get held(): number | undefined {
    return this.#share === undefined && !this.#isMissing ? 0 : undefined
  }

  get isOverdue(): boolean {
    return this.#share === undefined && this.#clock.now() - this.#since > JOINS_WITHIN
  }
}

async function passing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (isRetriable(error)) throw error
    throw new PipelineError('bus_unavailable', messageOf(error), { retriable: true, cause: error })
  }
}
