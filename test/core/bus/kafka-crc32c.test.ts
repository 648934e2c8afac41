import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../core/bus/kafka/crc32c.ts'

const kafkajs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number

/** RFC 3720, appendix B.4, whose bytes are those of a little-endian number. */
const rising = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
const read = Buffer.from(
  '01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000',
  'hex',
)
const KNOWN: [string, Buffer, number][] = [
  ['nothing', Buffer.alloc(0), 0],
  ['32 bytes of zeroes', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 rising bytes', rising, 0x46dd794e],
  ['32 falling bytes', Buffer.from(rising).reverse(), 0x113fdb5c],
  ['a SCSI read command', read, 0xd9963a56],
  ['the digits', Buffer.from('123456789'), 0xe3069283],
]

describe('CRC-32C', () => {
  it.each(KNOWN)('of %s is the known one', (_, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum)
  })

  it("is kafkajs's, of any bytes wherever they lie", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(64), (bytes, from) => {
        const part = Buffer.from(bytes.buffer).subarray(from)
        expect(crc32c(part)).toBe(kafkajs(part))
      }),
    )
  })
})
