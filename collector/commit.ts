/** What one publication holds: deliveries as they were read, until all of it is durable. */
import type { CallRows } from '../core/block.ts'
import type { Bus, Publication } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { BlockBuilder } from './block-builder.ts'
import { type Delivery, letGo, type Receipt } from './delivery.ts'
import type { CollectorMetrics } from './metrics.ts'
import { gather, type LearnedName, namePublications } from './naming/learned-name.ts'
import { ACKNOWLEDGED_AFTER_MS, type OthersNames } from './naming/others.ts'
import type { DeliveryReader, ReadDelivery, ReadingRules } from './read-delivery.ts'
import { rejectedPublication } from './rejected.ts'

/** A commit takes no further delivery once it holds so many records or characters of calls. */
const COMMIT_RECORDS = 16_384
const COMMIT_WEIGHT = 16 * 1024 * 1024
/**
 * After so many records the event loop has its turn: connections are served while a commit is gathered. And a commit of so many
 * goes out as soon as no other is under way, so that the log writes while the next is read.
 */
export const RECORDS_AT_A_TIME = 2048
/** Rejected records of one bus record. */
const REJECTED_AT_A_TIME = 4096

export interface CommitOptions {
  bus: Pick<Bus, 'publish' | 'partitions'>
  rules: ReadingRules
  metrics: CollectorMetrics
  /** Other collectors; absent, there are none. What they have acknowledged when a delivery comes is known before it is read. */
  others?: OthersNames | undefined
}

export interface Waiting {
  delivery: Delivery
  resolve(receipt: Receipt): void
  reject(error: unknown): void
}

export class Commit {
  readonly waiting: Waiting[] = []
  readonly #reader: DeliveryReader
  readonly #rows: CallRows
  readonly #options: CommitOptions
  readonly #read: ReadDelivery[] = []
  /** Of each delivery, whether other collectors may not know what it proves. */
  readonly #tellNews: boolean[] = []
  readonly #blocks = new Map<number, BlockBuilder>()
  /** By address. */
  readonly #names = new Map<string, LearnedName>()
  #records = 0
  #weight = 0

  constructor(reader: DeliveryReader, rows: CallRows, options: CommitOptions) {
    this.#reader = reader
    this.#rows = rows
    this.#options = options
  }

  get full(): boolean {
    return this.#records >= COMMIT_RECORDS || this.#weight >= COMMIT_WEIGHT
  }

  /** What its deliveries teach. */
  get names(): readonly LearnedName[] {
    return [...this.#names.values()]
  }

  /** Reads a delivery and takes it in, or refuses it alone. Returns the number of its records. */
  add(waiting: Waiting, refused: (delivery: Delivery) => void): number {
    const { delivery } = waiting
    const { directory } = this.#options.rules.annotator
    let read: ReadDelivery
    try {
      read = this.#reader.read(delivery, this.#rows)
    } catch (error) {
      directory.take()
      letGo(delivery)
      refused(delivery)
      waiting.reject(error)
      // Its bytes were walked all the same.
      return RECORDS_AT_A_TIME
    }
    for (const [partition, calls] of read.partitions) {
      let builder = this.#blocks.get(partition)
      if (builder === undefined) {
        builder = new BlockBuilder()
        this.#blocks.set(partition, builder)
      }
      builder.add(read.id, calls)
    }
    const { names, isNews } = directory.take()
    for (const name of names) gather(this.#names, name)
    this.#tellNews.push(isNews)
    letGo(delivery)
    this.waiting.push(waiting)
    this.#read.push(read)
    this.#records += read.records
    this.#weight += read.weight
    return read.records
  }

  publications(): Publication[] {
    const publications: Publication[] = []
    for (const [partition, builder] of this.#blocks) {
      for (const value of builder.finish(this.#rows)) publications.push({ topic: TOPIC.calls, partition, value })
    }
    for (const publication of namePublications(this.names, this.#options.bus.partitions(TOPIC.names))) {
      publications.push(publication)
    }
    for (const { rejected } of this.#read) {
      for (let from = 0; from < rejected.length; from += REJECTED_AT_A_TIME) {
        publications.push(rejectedPublication(this.#options.bus, rejected.slice(from, from + REJECTED_AT_A_TIME)))
      }
    }
    return publications
  }

  /** All of it is durable. Deliveries that tell news are acknowledged once others know it, where there are others. */
  resolve(): void {
    const { metrics, others } = this.#options
    this.waiting.forEach(({ resolve }, i) => {
      const { bytes, records, calls, rejected, late, clamped } = this.#read[i]!
      metrics.received('logs', records, bytes)
      metrics.add('calls', calls)
      metrics.add('rejected', rejected.length)
      metrics.add('late', late)
      metrics.add('clamped', clamped)
      const first = rejected[0]
      const reason = first === undefined ? '' : `${first.reason}: ${first.detail}`
      const receipt = { records, rejected: rejected.length, reason }
      if (others !== undefined && this.#tellNews[i]) setTimeout(resolve, ACKNOWLEDGED_AFTER_MS, receipt)
      else resolve(receipt)
    })
  }
}
