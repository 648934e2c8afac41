/**
 * Reads one partition: each message is a delivery as an OTLP request is, named by its place. Its offset is committed once it and all before it
 * are durable; what is read again after a crash is known by its name, and readers of `calls` drop it.
 *
 * There is nobody to put off here, so where a sender would be told to come again, reading stops, and begins again at the first message that
 * is not durable. Messages are in memory only as long as the collector has room for them.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Batch as Fetched, KafkaMessage } from 'kafkajs'
import type { Intake, PartitionHandle } from '../../core/bus/kafka/group-reader.ts'
import { type Clock, DAY } from '../../core/clock.ts'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { retry } from '../../core/retry.ts'
import type { Input } from './backlog.ts'
import { type MessageOptions, MessageReceiver } from './message-receiver.ts'

const BACKOFF = { firstMs: 50, maxMs: 5000 }
const COMMIT_MS = 1000
/** A message counts as come no longer ago than this, whatever its time says: what Kafka keeps by default. */
const MAX_AGE = 7 * DAY

/** Offsets: where the group is (undefined where it is new), and where the log begins and ends. */
export interface Bounds {
  committed: number | undefined
  start: number
  end: number
}

export interface PartitionReaderOptions extends MessageOptions {
  handle: PartitionHandle
  bounds(): Promise<Bounds>
  clock: Clock
  /** Told how many messages Kafka deleted before they were read. */
  onLost(messages: number): void
}

interface Taken {
  offset: number
  arrival: number
  durable: boolean
  /** Never rejects. */
  settled: Promise<void>
}

export class PartitionReader implements Intake, Input {
  readonly #options: PartitionReaderOptions
  readonly #receiver: MessageReceiver
  /** The offset that is taken in next. */
  #position = 0
  /** Of the log, as last told. */
  #end = Number.POSITIVE_INFINITY
  /** In order; the first is not durable. */
  #taken: Taken[] = []
  /** Durable though something before them is not, so that they are not read twice. */
  readonly #durable = new Set<number>()
  #committed = -1
  /** The latest that a message came; 0 before one was seen. */
  #arrived = 0
  #isOpen = false
  /** A first place was found, and where to go on must be asked. */
  #isPlaced = false
  #isDisplaced = true
  #refuse: (error: unknown) => void = () => {}

  constructor(options: PartitionReaderOptions) {
    this.#options = options
    this.#receiver = new MessageReceiver(options)
  }

  get held(): number | undefined {
    const first = this.#taken[0]
    if (first !== undefined) return first.arrival
    return this.#position < this.#end ? this.#arrived : undefined
  }

  /** Until the signal aborts; what was taken in is then durable or given up. `keeps` says whether the partition is still this one's. */
  async run(signal: AbortSignal, keeps: () => boolean): Promise<void> {
    const again = { ...BACKOFF, signal, onRetry: (error: unknown, attempt: number) => this.#report(error, attempt) }
    signal.addEventListener('abort', () => this.#refuse(signal.reason), { once: true })
    try {
      void this.#commitUntil(signal)
      while (!signal.aborted) await retry(() => this.#read(signal), again)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await this.#settle()
      if (keeps()) await this.#commit()
    }
  }

  /** Where to begin, or to go on: Kafka may have deleted what comes there. */
  async #place(): Promise<void> {
    const { topic, partition, bounds, clock, logger, onLost } = this.#options
    const { committed, start, end } = await bounds()
    const from = this.#isPlaced ? this.#position : (committed ?? start)
    if (from < start) {
      logger.error(
        { topic: topic.topic, partition, from, to: start },
        'Kafka deleted messages before they were read: its retention is too short for how long they were left',
      )
      onLost(start - from)
    }
    this.#position = Math.max(from, start)
    this.#end = end
    if (this.#position >= end) this.#arrived = clock.now()
    this.#isPlaced = true
    this.#isDisplaced = false
  }

  /** Takes in messages until one is refused. Resolves where some became durable meanwhile, rejects with the refusal where none did. */
  async #read(signal: AbortSignal): Promise<void> {
    if (this.#isDisplaced) await this.#place()
    const before = this.#next
    const refusal = new Promise<unknown>((resolve) => {
      this.#refuse = resolve
    })
    if (signal.aborted) return
    this.#isOpen = true
    this.#options.handle.open(this.#position)
    const error = await refusal
    await this.#settle()
    if (signal.aborted) return
    this.#rewind()
    if (this.#next === before) throw error
  }

  /** Nothing more is taken in, and everything that was is durable or refused. */
  async #settle(): Promise<void> {
    this.#isOpen = false
    this.#options.handle.close()
    await Promise.all(this.#taken.map(({ settled }) => settled))
  }

  #rewind(): void {
    const first = this.#taken[0]
    if (first !== undefined) {
      this.#position = first.offset
      this.#arrived = first.arrival
    }
    for (const { offset, durable } of this.#taken) if (durable) this.#durable.add(offset)
    this.#taken = []
  }

  /** The first offset that is not durable. */
  get #next(): number {
    return this.#taken[0]?.offset ?? this.#position
  }

  refresh(): void {
    const { handle } = this.#options
    if (this.#isOpen) handle.open(this.#position)
    else handle.close()
  }

  offer(fetched: Fetched): void {
    if (!this.#isOpen) return
    const { fetchedOffset } = fetched as Fetched & { fetchedOffset: string }
    if (Number(fetchedOffset) > this.#position) {
      // Fetched before kafkajs was told to go back, or Kafka has deleted what comes next and kafkajs went on without it.
      this.#isDisplaced = true
      this.#stopTaking(
        new PipelineError('bus_unavailable', `offset ${fetchedOffset} came in place of ${this.#position}`, {
          retriable: true,
        }),
      )
      return
    }
    this.#end = Number(fetched.highWatermark)
    for (const message of fetched.messages) {
      if (Number(message.offset) < this.#position) continue
      if (!this.#take(message)) return
      this.#position = Number(message.offset) + 1
    }
    // Past the ends of transactions, which are offsets too.
    this.#position = Math.max(this.#position, Number(fetched.lastOffset()) + 1)
    // What comes later came later.
    if (this.#position >= this.#end) this.#arrived = this.#options.clock.now()
  }

  /** False where there is no room for it. */
  #take(message: KafkaMessage): boolean {
    const offset = Number(message.offset)
    const arrival = this.#arrivalOf(message)
    this.#arrived = arrival
    if (this.#durable.delete(offset)) return true
    let isAdmitted = false
    const handled = this.#receiver.receive(message, arrival, () => {
      isAdmitted = true
    })
    if (!isAdmitted) {
      handled.catch((error: unknown) => this.#stopTaking(error))
      this.#isOpen = false
      return false
    }
    const taken: Taken = { offset, arrival, durable: false, settled: Promise.resolve() }
    taken.settled = handled.then(
      () => {
        taken.durable = true
        while (this.#taken[0]?.durable === true) this.#taken.shift()
      },
      (error: unknown) => this.#stopTaking(error),
    )
    this.#taken.push(taken)
    return true
  }

  #stopTaking(error: unknown): void {
    this.#isOpen = false
    this.#options.handle.close()
    this.#refuse(error)
  }

  /**
   * When Kafka had it, by its time: never later than now, nor before what stands in front of it. The writer may have set that time (CreateTime), and
   * gains nothing by a wrong one.
   */
  #arrivalOf({ timestamp }: KafkaMessage): number {
    const now = this.#options.clock.now()
    const told = Number(timestamp) * 1000
    return Math.max(this.#arrived, now - MAX_AGE, told > 0 ? Math.min(now, told) : now)
  }

  async #commitUntil(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await delay(COMMIT_MS, undefined, { signal })
        await this.#commit()
      }
    } catch {
      // Aborted.
    }
  }

  /** Never rejects: what could not be committed is with the next. */
  async #commit(): Promise<void> {
    const next = this.#next
    if (next <= this.#committed) return
    try {
      await this.#options.handle.commit(next)
      this.#committed = next
    } catch (error) {
      const { topic, partition, logger } = this.#options
      logger.warn(
        { topic: topic.topic, partition, next, error: messageOf(error) },
        'an offset could not be committed yet',
      )
    }
  }

  #report(error: unknown, attempt: number): void {
    if (attempt % 10 !== 1) return
    const { topic, partition, logger } = this.#options
    logger.warn(
      { topic: topic.topic, partition, offset: this.#next, attempt, error: messageOf(error) },
      'reading from Kafka waits, and begins again where it stopped',
    )
  }
}
