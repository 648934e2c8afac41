/**
 * Batches of records that cannot be read, or not within bounds, for kafkajs 2.2.4. There such a batch fails the whole fetch, of every
 * partition, again and again, and a small one may hold more than there is memory for. Here one record that says why stands for it, and
 * reading goes on (docs/decisions/015-otlp-from-kafka.md).
 */
import { createRequire } from 'node:module'
import type { KafkaMessage } from 'kafkajs'
import { messageOf } from '../../core/errors.ts'
import { registerCodecs } from './codecs.ts'

/** What one batch may take in memory, and what a fetch may before it takes no further batch. */
export const MAX_BATCH_BYTES = 64 * 1024 * 1024
const MAX_FETCH_BYTES = 32 * 1024 * 1024
/** What kafkajs makes of a record, beside its bytes. */
const RECORD_BYTES = 1024
export const MAX_BATCH_RECORDS = MAX_BATCH_BYTES / RECORD_BYTES

/** https://kafka.apache.org/documentation/#recordbatch */
const HEAD_BYTES = 61
const BEFORE_LENGTH = 12
const AT = { length: 8, attributes: 21, lastDelta: 23, lastTime: 35, producer: 43, records: 57 } as const
const COMPRESSION = 0x07
const COMPRESSIONS = 5
const IN_TRANSACTION = 0x10

/** kafkajs's view on the batches of one partition in a fetch. */
interface Decoder {
  buffer: Buffer
  offset: number
  forward(bytes: number): void
}

/** Stands for a whole batch that could not be read. */
export type UnreadableBatch = KafkaMessage & {
  unreadable: string
  /** Offset of the batch's first record; its own is the last one's. */
  first: string
}

interface DecodedBatch {
  records: readonly Pick<KafkaMessage, 'offset' | 'value'>[]
}

export type BatchDecoder = (decoder: Decoder) => Promise<DecodedBatch>

/** Undefined for a record that was read. No sender can make one look so. */
export function unreadable(message: KafkaMessage): UnreadableBatch | undefined {
  const one = message as UnreadableBatch
  return one.unreadable === undefined ? undefined : one
}

let isDone = false

/** From now on all consumers of this process read so, whatever compression they meet. */
export function boundBatches(): void {
  if (isDone) return
  isDone = true
  registerCodecs(MAX_BATCH_BYTES)
  const require = createRequire(import.meta.url)
  const path = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder')
  const decode = require(path) as BatchDecoder
  require.cache[path]!.exports = boundedDecoder(decode)
  // Whatever has taken kafkajs's own already takes it up anew with its next fetch.
  for (const loaded of Object.keys(require.cache)) {
    if (/\/kafkajs\/src\/protocol\/requests\/fetch\//.test(loaded)) delete require.cache[loaded]
  }
}

export function boundedDecoder(decode: BatchDecoder): BatchDecoder {
  /** By the memory that a fetch lies in, all of its partitions together. */
  const spent = new WeakMap<ArrayBufferLike, number>()
  return async (decoder) => {
    const { buffer, offset: at } = decoder
    const length = buffer.readInt32BE(at + AT.length)
    // The end of a fetch may be the beginning of a batch.
    if (length < HEAD_BYTES - BEFORE_LENGTH || at + BEFORE_LENGTH + length > buffer.length) return decode(decoder)
    const before = spent.get(buffer.buffer) ?? 0
    if (before >= MAX_FETCH_BYTES) throw partial()
    let batch: DecodedBatch
    try {
      requireBounds(buffer, at)
      batch = await decode(decoder)
    } catch (error) {
      batch = { records: [standIn(buffer, at, messageOf(error))] }
    }
    decoder.offset = at + BEFORE_LENGTH + length
    let cost = before
    for (const { value } of batch.records) cost += RECORD_BYTES + (value?.length ?? 0)
    spent.set(buffer.buffer, cost)
    return batch
  }
}

function requireBounds(buffer: Buffer, at: number): void {
  const compression = buffer.readInt16BE(at + AT.attributes) & COMPRESSION
  if (compression >= COMPRESSIONS) throw new Error(`unknown compression ${compression}`)
  const records = buffer.readInt32BE(at + AT.records)
  if (records > MAX_BATCH_RECORDS) throw new Error(`${records} records, more than ${MAX_BATCH_RECORDS}`)
}

function standIn(buffer: Buffer, at: number, why: string): DecodedBatch['records'][number] {
  const first = buffer.readBigInt64BE(at)
  const inTransaction = (buffer.readInt16BE(at + AT.attributes) & IN_TRANSACTION) !== 0
  const record = {
    offset: String(first + BigInt(buffer.readInt32BE(at + AT.lastDelta))),
    first: String(first),
    unreadable: why,
    timestamp: String(buffer.readBigInt64BE(at + AT.lastTime)),
    key: null,
    value: null,
    attributes: 0,
    headers: {},
    isControlRecord: false,
    batchContext: { producerId: String(buffer.readBigInt64BE(at + AT.producer)), inTransaction },
  }
  return record
}

/** kafkajs leaves the rest of the partition for the next fetch. */
function partial(): Error {
  const error = new Error('the fetch holds enough')
  error.name = 'KafkaJSPartialMessageError'
  return error
}
