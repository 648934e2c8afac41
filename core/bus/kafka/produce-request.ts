/**
 * Produce requests of version 3 to 7, written from front to back into memory that is large enough, byte for byte as kafkajs writes them
 * (https://kafka.apache.org/protocol.html#The_Messages_Produce, https://kafka.apache.org/documentation/#recordbatch). kafkajs writes each record,
 * batch, partition and topic into memory of its own, and copies that into the next.
 */
import { crc32c } from './crc32c.ts'
import { Encoder } from './kafkajs-encoder.ts'

/** As kafkajs hands it over. */
export interface ProduceRequest {
  acks: number
  timeout: number
  compression?: number
  transactionalId?: string
  /** A number, or decimal text. */
  producerId?: number | string
  producerEpoch?: number
  topicData: { topic: string; partitions: PartitionData[] }[]
}

interface PartitionData {
  partition: number
  firstSequence?: number
  messages: ProducedMessage[]
}

interface ProducedMessage {
  key?: Buffer | string | null
  value: Buffer | string | null
  headers?: unknown
  timestamp?: unknown
}

const NO_PRODUCER = -1
const MAGIC = 2
const IN_TRANSACTION = 16
/** All of a batch but its records; of that, what is before the part that its length tells of. */
const BATCH_BYTES = 61
const BEFORE_LENGTH_ENDS = 12
/** Of a record all but key and value, at most: four lengths of five bytes, and four bytes of which each says nothing. */
const RECORD_BYTES = 24

/** What is written here. Compressed records, headers and times of one's own are not: nothing here sends any. */
export function isPlain({ compression = 0, topicData }: ProduceRequest): boolean {
  const isPlainMessage = ({ key, value, headers, timestamp }: ProducedMessage) =>
    headers === undefined && timestamp == null && isBytes(key) && isBytes(value)
  return (
    compression === 0 &&
    topicData.every(({ partitions }) => partitions.every(({ messages }) => messages.every(isPlainMessage)))
  )
}

function isBytes(value: unknown): boolean {
  return value == null || typeof value === 'string' || Buffer.isBuffer(value)
}

/** It takes so many bytes, or fewer. */
export function mostBytes({ transactionalId, topicData }: ProduceRequest): number {
  let bytes = 12 + bytesOf(transactionalId)
  for (const { topic, partitions } of topicData) {
    bytes += 6 + bytesOf(topic)
    for (const { messages } of partitions) {
      bytes += 8 + BATCH_BYTES
      for (const { key, value } of messages) bytes += RECORD_BYTES + bytesOf(key) + bytesOf(value)
    }
  }
  return bytes
}

function bytesOf(value: Buffer | string | null | undefined): number {
  return value == null ? 0 : Buffer.byteLength(value)
}

export function writeProduceRequest(to: Encoder, request: ProduceRequest): void {
  const { transactionalId = null, acks, timeout, topicData } = request
  to.writeString(transactionalId).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length)
  for (const { topic, partitions } of topicData) {
    to.writeString(topic).writeInt32(partitions.length)
    for (const entry of partitions) {
      to.writeInt32(entry.partition).writeInt32(0)
      const start = to.offset
      writeBatch(to, entry, request)
      to.buf.writeInt32BE(to.offset - start, start - 4)
    }
  }
}

function writeBatch(to: Encoder, { messages, firstSequence = 0 }: PartitionData, request: ProduceRequest): void {
  const { transactionalId, producerId = NO_PRODUCER, producerEpoch = 0 } = request
  const now = Date.now()
  const start = to.offset
  // Offset, length and the leader's epoch: the broker writes the first and the last, the length comes below, and so does the checksum.
  to.writeInt64(0).writeInt32(0).writeInt32(0).writeInt8(MAGIC).writeUInt32(0)
  const checked = to.offset
  to.writeInt16(transactionalId ? IN_TRANSACTION : 0).writeInt32(messages.length - 1)
  to.writeInt64(now).writeInt64(now)
  to.writeInt64(producerId).writeInt16(producerEpoch).writeInt32(firstSequence)
  to.writeInt32(messages.length)
  for (let i = 0; i < messages.length; i += 1) writeRecord(to, messages[i]!, i)
  to.buf.writeInt32BE(to.offset - start - BEFORE_LENGTH_ENDS, start + 8)
  to.buf.writeUInt32BE(crc32c(to.buf.subarray(checked, to.offset)), checked - 4)
}

/** With no attributes, as late as its batch, and without headers. */
function writeRecord(to: Encoder, { key, value }: ProducedMessage, offset: number): void {
  const bytes = 3 + Encoder.sizeOfVarInt(offset) + Encoder.sizeOfVarIntBytes(key) + Encoder.sizeOfVarIntBytes(value)
  to.writeVarInt(bytes).writeInt8(0).writeInt8(0).writeVarInt(offset)
  to.writeVarIntBytes(key).writeVarIntBytes(value).writeInt8(0)
}
