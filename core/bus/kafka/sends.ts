/**
 * What goes to the broker in one request. All records of a partition in one request are one batch, and a batch may be as long as the
 * longest record and little more; a request may not exceed what a broker takes (socket.request.max.bytes, 100 MiB). And kafkajs sorts the
 * messages of a request by partition in a time that grows with their square: 10,000 of them held up everything for 0.8 s.
 */
import type { Message, TopicMessages } from 'kafkajs'

const SEND_BYTES = 16 * 1024 * 1024
const SEND_MESSAGES = 1000

/** Messages by topic, cut into requests of so many bytes and messages; a longer message goes alone. Their order in each partition stays. */
export class Sends {
  readonly #sends: Map<string, Message[]>[] = []
  #bytes = 0
  #messages = 0

  add(topic: string, message: Message): void {
    const bytes = (message.value?.length ?? 0) + (message.key?.length ?? 0)
    if (this.#sends.length === 0 || this.#bytes + bytes > SEND_BYTES || this.#messages === SEND_MESSAGES) {
      this.#sends.push(new Map())
      this.#bytes = 0
      this.#messages = 0
    }
    this.#bytes += bytes
    this.#messages += 1
    const send = this.#sends.at(-1)!
    const known = send.get(topic)
    if (known === undefined) send.set(topic, [message])
    else known.push(message)
  }

  *[Symbol.iterator](): Generator<TopicMessages[]> {
    for (const send of this.#sends) yield [...send].map(([topic, messages]) => ({ topic, messages }))
  }
}

/** The same bytes, not a copy: they must not change while they are sent. */
export function recordMessage(partition: number, value: Uint8Array): Message {
  return { partition, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) }
}
