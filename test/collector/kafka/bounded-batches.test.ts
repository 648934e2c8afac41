import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import {
  type BatchDecoder,
  boundBatches,
  boundedDecoder,
  MAX_BATCH_RECORDS,
} from '../../../collector/kafka/bounded-batches.ts'
import { COMPRESS, type TYPES } from './compress.ts'

boundBatches()
const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Parameters<BatchDecoder>[0]
const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as BatchDecoder

const HEAD_BYTES = 61
const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const satisfies Record<
  keyof typeof TYPES,
  number
>

const varint = (value: number): number[] => {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  const bytes: number[] = []
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return [...bytes, rest]
}

/** Records with these values, without keys and headers. */
function recordsOf(values: readonly Buffer[]): Buffer {
  return Buffer.concat(
    values.flatMap((value, i) => {
      const head = [0, ...varint(0), ...varint(i), ...varint(-1), ...varint(value.length)]
      return [Buffer.from([...varint(head.length + value.length + 1), ...head]), value, Buffer.from([0])]
    }),
  )
}

interface BatchParts {
  first?: number
  attributes?: number
  records: Buffer
  count: number
}

function batchOf({ first = 100, attributes = 0, records, count }: BatchParts): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeBigInt64BE(BigInt(first), 0)
  head.writeInt32BE(HEAD_BYTES - 12 + records.length, 8)
  head.writeInt8(2, 16)
  head.writeInt16BE(attributes, 21)
  head.writeInt32BE(count - 1, 23)
  head.writeBigInt64BE(1_795_296_000_000n, 27)
  head.writeBigInt64BE(1_795_296_000_000n, 35)
  head.writeBigInt64BE(7n, 43)
  head.writeInt32BE(count, 57)
  return Buffer.concat([head, records])
}

const values = ['a', 'bc', ''].map((text) => Buffer.from(text))
const plain = { records: recordsOf(values), count: values.length }

/** The batches of a partition as kafkajs goes through them. */
async function read(bytes: Buffer, decoder = decode) {
  const view = new Decoder(bytes)
  const batches = []
  while (view.offset < bytes.length) batches.push((await decoder(view)).records)
  return batches
}

describe('batches of records', () => {
  it('are read in every compression', async () => {
    for (const [name, number] of Object.entries(COMPRESSION)) {
      const records = name === 'none' ? plain.records : await COMPRESS[name as keyof typeof COMPRESS](plain.records)
      const [batch] = await read(batchOf({ ...plain, attributes: number, records }))
      expect(batch!.map(({ offset, value }) => [offset, value])).toEqual([
        ['100', values[0]],
        ['101', values[1]],
        ['102', values[2]],
      ])
    }
  })

  it.each([
    ['broken', { ...plain, attributes: COMPRESSION.zstd, records: Buffer.from('no zstd') }, /broken/],
    ['of a compression nobody knows', { ...plain, attributes: 5 }, /^unknown compression 5$/],
    [
      'of more records than there is memory for',
      { ...plain, count: MAX_BATCH_RECORDS + 1 },
      /^65537 records, more than 65536$/,
    ],
    ['with fewer records than they say', { ...plain, count: 4 }, /./],
  ])('that are %s become one record that says so, and the next is read', async (_, parts, why) => {
    const [stand, next] = await read(Buffer.concat([batchOf(parts), batchOf({ ...plain, first: 200 })]))
    expect(stand).toEqual([
      expect.objectContaining({
        first: '100',
        offset: String(100 + parts.count - 1),
        unreadable: expect.stringMatching(why),
        timestamp: '1795296000000',
        value: null,
        isControlRecord: false,
        batchContext: { producerId: '7', inTransaction: false },
      }),
    ])
    expect(next).toHaveLength(values.length)
  })

  it('are left for the next fetch once one holds enough, over all of its partitions', async () => {
    const records = await COMPRESS.gzip(recordsOf([Buffer.alloc(20 * 1024 * 1024)]))
    const batch = batchOf({ attributes: COMPRESSION.gzip, records, count: 1 })
    const fetch = Buffer.concat([batch, batch, batch])
    const partition = (from: number, to: number) => fetch.subarray(from * batch.length, to * batch.length)
    expect(await read(partition(0, 2))).toHaveLength(2)
    await expect(read(partition(2, 3))).rejects.toMatchObject({ name: 'KafkaJSPartialMessageError' })
    expect(await read(Buffer.from(batch))).toHaveLength(1)
  })

  it("whose end has not come are kafkajs's to leave for later", async () => {
    const whole = batchOf(plain)
    const cut = async () => read(whole.subarray(0, -1), boundedDecoder(decode))
    await expect(cut()).rejects.toMatchObject({ name: 'KafkaJSPartialMessageError' })
  })
})
