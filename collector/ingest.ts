/** A request body on its way from a listener to the bus: read, counted, durable, answered. Both listeners meet here. */
import type { Clock } from '../core/clock.ts'
import { isRetriable, PipelineError } from '../core/errors.ts'
import type { Admission, Lease } from './admission.ts'
import { type Delivery, letGo, type Receipt } from './delivery.ts'
import type { CollectorMetrics } from './metrics.ts'
import { countItems, countItemsJson } from './otlp/count-items.ts'
import type { ReadLimits } from './otlp/limits.ts'
import type { Publisher } from './publisher.ts'
import type { Rejected } from './rejected.ts'

/** What an unreadable body costs of its sender's quota. */
const RUBBISH_BYTES_PER_RECORD = 1024

export interface IngestOptions {
  publisher: Publisher
  admission: Admission
  clock: Clock
  limits: ReadLimits
  metrics: CollectorMetrics
}

export class Ingest {
  readonly #options: IngestOptions
  #stopping = false

  constructor(options: IngestOptions) {
    this.#options = options
  }

  /**
   * Takes one request of a sender: room for it, its body as `read` gives it, and everything up to durability. `read` tells of each piece
   * of memory before it keeps it. Throws a PipelineError that says what to answer, or what `read` throws. What is not said of its arrival is
   * taken for now.
   */
  async receive(
    announced: Omit<Delivery, 'body' | 'received'> & Partial<Pick<Delivery, 'received'>>,
    read: (take: (bytes: number) => void) => Promise<Uint8Array>,
  ): Promise<Receipt> {
    const { admission, clock } = this.#options
    try {
      if (this.#stopping) throw stopping()
      const lease = admission.open(announced.sender.key)
      try {
        const body = await read((bytes) => lease.take(bytes))
        return await this.#accept({ received: clock.now(), ...announced, body }, lease)
      } finally {
        lease.release()
      }
    } catch (error) {
      this.#countRefusal(error)
      throw error
    }
  }

  /** Keeps what cannot be read as a whole, with the reason, where there is nobody to tell; resolves when durable. */
  setAside(rejected: Rejected): Promise<void> {
    return this.#options.publisher.setAside(rejected)
  }

  /** Only the delivery may hold on to the body: it lets go of it once it was read, long before the records are durable. */
  async #accept(delivery: Delivery, lease: Lease): Promise<Receipt> {
    const bytes = delivery.body.byteLength
    try {
      const receipt = await this.#read(delivery)
      lease.spend(receipt.records)
      return receipt
    } catch (error) {
      // Rubbish is not free: it was walked like everything else.
      if (!isRetriable(error)) lease.spend(Math.ceil(bytes / RUBBISH_BYTES_PER_RECORD))
      throw error
    }
  }

  async #read(delivery: Delivery): Promise<Receipt> {
    const { publisher, limits, metrics } = this.#options
    const { body, signal, encoding } = delivery
    if (signal === 'logs') return publisher.publish(delivery)
    try {
      const records = (encoding === 'json' ? countItemsJson : countItems)(body, signal, limits)
      metrics.received(signal, records, body.byteLength)
      return { records, rejected: 0, reason: '' }
    } finally {
      letGo(delivery)
    }
  }

  #countRefusal(error: unknown): void {
    const { metrics } = this.#options
    if (error instanceof PipelineError && error.code === 'throttled') metrics.add('throttled', 1)
    else if (isRetriable(error)) metrics.add('refused', 1)
  }

  /** From now on every new request is asked to come again, elsewhere or later. */
  stop(): void {
    this.#stopping = true
  }
}

function stopping(): PipelineError {
  return new PipelineError('bus_unavailable', 'the collector is stopping', { retriable: true, retryAfterMs: 1000 })
}
