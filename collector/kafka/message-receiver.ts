/** A message of Kafka as a delivery: read as an OTLP request is, and set aside with the reason where it cannot be, as there is nobody to tell. */
import type { KafkaMessage } from 'kafkajs'
import { isRetriable, messageOf, PipelineError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { deliveryId, type Sender } from '../delivery.ts'
import type { Ingest } from '../ingest.ts'
import { unreadable } from './bounded-batches.ts'
import type { TopicConfig } from './config.ts'

const NO_BYTES = new Uint8Array()
const ENCODINGS = { otlp_proto: 'protobuf', otlp_json: 'json' } as const

export interface MessageOptions {
  topic: TopicConfig
  partition: number
  ingest: Pick<Ingest, 'receive' | 'setAside'>
  maxBodyBytes: number
  logger: Logger
}

export class MessageReceiver {
  readonly #options: MessageOptions
  readonly #sender: Sender

  constructor(options: MessageOptions) {
    this.#options = options
    const { topic, trusted } = options.topic
    this.#sender = { key: `kafka:${topic}`, trust: trusted ? 'verified' : 'claimed', identity: '' }
  }

  /** Resolves when it is durable, as calls or as rejected. `admit` is called, before it returns, where there is room. */
  async receive(message: KafkaMessage, received: number, admit: () => void): Promise<void> {
    const { topic, partition, ingest, maxBodyBytes, logger } = this.#options
    const { signal, encoding } = topic
    // The time tells a topic that was made anew, and one of another cluster, from this one.
    const origin = `${topic.topic}/${partition}/${message.offset}/${message.timestamp}`
    const delivery = { sender: this.#sender, signal, encoding: ENCODINGS[encoding], received, origin }
    const setAside = (reason: string, detail: string): Promise<void> => {
      const place = `topic ${topic.topic}, partition ${partition}, offset ${message.offset}`
      return ingest.setAside({
        received,
        sender: this.#sender.key,
        trust: this.#sender.trust,
        signal,
        delivery: Buffer.from(deliveryId({ ...delivery, body: NO_BYTES })).toString('hex'),
        position: 0,
        reason,
        detail: `${detail} (${place})`,
        sample: '',
      })
    }
    const batch = unreadable(message)
    const body = message.value ?? NO_BYTES
    if (batch !== undefined || body.length > maxBodyBytes) {
      admit()
      if (batch === undefined) return setAside('too_large', `${body.length} bytes, more than ${maxBodyBytes}`)
      const from = batch.first === message.offset ? '' : `, with all from offset ${batch.first} on`
      return setAside('batch_unreadable', `the batch it came in cannot be read${from}: ${batch.unreadable}`)
    }
    try {
      await ingest.receive(delivery, async (take) => {
        take(body.length)
        admit()
        return body
      })
    } catch (error) {
      if (isRetriable(error)) throw error
      const isKnown = error instanceof PipelineError
      if (!isKnown) logger.error({ origin, reason: messageOf(error) }, 'a message from Kafka failed and is set aside')
      await setAside(isKnown ? error.code : 'failed', messageOf(error))
    }
  }
}
