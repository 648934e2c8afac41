/** Brings the copy of a partition's state up to what Kafka holds, and shuts out the owner before. */
import { randomUUID } from 'node:crypto'
import type { KafkaMessage, Producer } from 'kafkajs'
import type { StateWrite } from '../bus.ts'
import type { Client } from './client.ts'
import { readPartitions } from './read-partitions.ts'
import type { StateCopy } from './state-copy.ts'
import { markerMessage, type Offsets, readStateMessage } from './state-record.ts'
import { inTransaction } from './transaction.ts'

export interface RestoreParts {
  kafka: Pick<Client, 'consumer'>
  /** Not connected yet: connecting it shuts out whoever had its transactional id. */
  producer: Producer
  /** The state topic's name in Kafka. */
  topic: string
  partition: number
  copy: StateCopy
  /** Offset that the next record of the state topic's partition will have. */
  end(): Promise<number>
}

/**
 * Reads all that any owner left. A marker of its own, written behind it all, tells when that is done: the end of a log with transactions in
 * it is not otherwise seen by a reader.
 */
export async function restore(
  { kafka, producer, topic, partition, copy, end }: RestoreParts,
  signal: AbortSignal,
): Promise<void> {
  await producer.connect()
  const marker = randomUUID()
  await inTransaction(producer, async (transaction) => {
    await transaction.send({ acks: -1, topic, messages: [markerMessage(partition, marker)] })
  })
  await copy.requireFresh(await end())
  const read = async (messages: readonly KafkaMessage[]): Promise<boolean> => {
    const writes: StateWrite[] = []
    let offsets: Offsets | undefined
    let done = false
    for (const { key, value } of messages) {
      const record = readStateMessage(key, value)
      if (record.kind === 'state') writes.push(record.write)
      else if (record.kind === 'offsets') offsets = record.offsets
      else done ||= record.marker === marker
    }
    await copy.write({ writes, offsets, at: Number(messages.at(-1)!.offset) + 1 })
    return done
  }
  await readPartitions({ kafka, topic, positions: new Map([[partition, copy.at]]), read, ends: true }, signal)
}
