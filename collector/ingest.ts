/** A request body on its way from a listener to the bus: read, counted, durable, answered. Both listeners meet here. */
import type { Clock } from '../core/clock.ts'
import { isRetriable, PipelineError } from '../core/errors.ts'
import type { Admission, Lease } from './admission.ts'
import type { Delivery, Encoding, Receipt, Sender, Signal } from './delivery.ts'
import type { CollectorMetrics } from './metrics.ts'
import { countItems, countItemsJson } from './otlp/count-items.ts'
import type { ReadLimits } from './otlp/limits.ts'
import type { Publisher } from './publisher.ts'

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

  /** Room for one request of a sender; throws `throttled` or `bus_full`. Release it when the request is answered. */
  open(sender: Sender): Lease {
    if (this.#stopping) throw stopping()
    try {
      return this.#options.admission.open(sender.key)
    } catch (error) {
      this.refused(error)
      throw error
    }
  }

  /** A body that has just arrived whole. */
  arrived(body: Uint8Array, signal: Signal, encoding: Encoding, sender: Sender): Delivery {
    return { body, signal, encoding, sender, received: this.#options.clock.now() }
  }

  /**
   * Resolves when every record of the delivery is durable. Throws a PipelineError that says what to answer. Only the delivery may
   * hold on to the body meanwhile: it lets go of it once it was read, long before the records are durable.
   */
  async accept(delivery: Delivery, lease: Lease): Promise<Receipt> {
    const bytes = delivery.body.byteLength
    try {
      const receipt = await this.#read(delivery)
      lease.spend(receipt.records)
      return receipt
    } catch (error) {
      this.refused(error)
      // Rubbish is not free: it was walked like everything else.
      if (!isRetriable(error)) lease.spend(Math.ceil(bytes / RUBBISH_BYTES_PER_RECORD))
      throw error
    }
  }

  async #read(delivery: Delivery): Promise<Receipt> {
    const { publisher, limits, metrics } = this.#options
    const { body, signal, encoding } = delivery
    if (signal === 'logs') return publisher.publish(delivery)
    const records = (encoding === 'json' ? countItemsJson : countItems)(body, signal, limits)
    metrics.received(signal, records, body.byteLength)
    return { records, rejected: 0, reason: '' }
  }

  /** Counts a refusal by its kind. */
  refused(error: unknown): void {
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
