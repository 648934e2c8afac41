/**
 * Appends outside of transactions. The broker drops what one send repeats (an idempotent producer), so records come once and in order as
 * long as their send succeeds.
 *
 * After a send that failed kafkajs counts its records as never sent, and the broker may have them: the next records could be taken for
 * those and be dropped. So what has failed once is not used again.
 */
import type { Producer } from 'kafkajs'
import type { Client } from './client.ts'
import { PATIENCE } from './patience.ts'
import type { Sends } from './sends.ts'

export class Publisher {
  readonly #kafka: Pick<Client, 'producer'>
  #producer: Producer

  constructor(kafka: Pick<Client, 'producer'>) {
    this.#kafka = kafka
    this.#producer = this.#made()
  }

  connect(): Promise<void> {
    return this.#producer.connect()
  }

  /** Resolves when all of it is durable. Throws what kafkajs throws; what is then repeated may come twice. */
  async send(sends: Sends): Promise<void> {
    const producer = this.#producer
    try {
      for (const topicMessages of sends) await producer.sendBatch({ acks: -1, topicMessages })
    } catch (error) {
      if (producer === this.#producer) await this.#replace()
      throw error
    }
  }

  async disconnect(): Promise<void> {
    await this.#producer.disconnect()
  }

  async #replace(): Promise<void> {
    const failed = this.#producer
    this.#producer = this.#made()
    await failed.disconnect().catch(() => {
      // It has no connection to end.
    })
    // One that cannot connect now fails with the next send, and is replaced again.
    await this.#producer.connect().catch(() => {})
  }

  #made(): Producer {
    return this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: PATIENCE,
    })
  }
}
