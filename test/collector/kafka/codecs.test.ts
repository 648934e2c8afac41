import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DECOMPRESS } from '../../../collector/kafka/codecs.ts'
import { lz4Bound } from '../../../collector/kafka/lz4-frame.ts'
import { snappyBlocks } from '../../../collector/kafka/snappy-blocks.ts'
import { COMPRESS, COMPRESSIONS } from './compress.ts'

const MAX = 16 * 1024 * 1024
const MANY = 8 * MAX
/** Compresses a little, as telemetry does. */
const text = (bytes: number) => Buffer.from(randomBytes(bytes / 2).toString('hex'))

/** As the Java client frames Snappy: blocks of so many bytes, each after its length. */
async function xerial(bytes: Buffer, blockBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [Buffer.from('\x82SNAPPY\x00', 'latin1'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = await COMPRESS.snappy(bytes.subarray(at, at + blockBytes))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

describe.each(COMPRESSIONS)('%s', (name) => {
  const compress = COMPRESS[name]
  const decompress = DECOMPRESS[name]

  it('gives back what was compressed, also where it fills the bound', async () => {
    for (const bytes of [2, 1000, 300_000]) {
      const plain = text(bytes)
      expect((await decompress(await compress(plain), MAX)).equals(plain)).toBe(true)
    }
    const full = Buffer.alloc(MAX, 'ab')
    expect((await decompress(await compress(full), MAX)).equals(full)).toBe(true)
  })

  it('refuses what is longer than the bound, without the memory for it', async () => {
    const over = await compress(Buffer.alloc(MAX + 1))
    await expect(decompress(over, MAX)).rejects.toThrow()
    const bomb = await compress(Buffer.alloc(MANY))
    const before = process.memoryUsage()
    await expect(decompress(bomb, MAX)).rejects.toThrow()
    const after = process.memoryUsage()
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(MANY / 2)
  })

  it('refuses what is cut short, and reads on after it', async () => {
    const plain = text(10_000)
    const whole = await compress(plain)
    for (const part of [0, 1, 3, 8, whole.length >> 1]) {
      await expect(decompress(whole.subarray(0, part), MAX)).rejects.toThrow()
    }
    expect((await decompress(whole, MAX)).equals(plain)).toBe(true)
  })

  it('throws or stays within the bound, whatever the bytes', async () => {
    const whole = await compress(text(2000))
    const broken = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        return bytes
      })
    const rubbish = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.oneof(broken, rubbish), async (bytes) => {
        const plain = await decompress(bytes, MAX).catch(() => Buffer.alloc(0))
        expect(plain.length).toBeLessThanOrEqual(MAX)
      }),
      { numRuns: 300 },
    )
  })
})

describe("the Java client's Snappy", () => {
  it('is read block by block', async () => {
    const plain = text(100_000)
    const framed = await xerial(plain, 32_768)
    expect(snappyBlocks(framed)).toHaveLength(Math.ceil(plain.length / 32_768))
    expect((await DECOMPRESS.snappy(framed, MAX)).equals(plain)).toBe(true)
  })

  it('counts against the bound with all of its blocks', async () => {
    const framed = await xerial(Buffer.alloc(MAX + 1), 32_768)
    await expect(DECOMPRESS.snappy(framed, MAX)).rejects.toThrow(`longer than ${MAX} bytes`)
  })

  it('is refused where a block is cut short', async () => {
    const framed = await xerial(text(100_000), 32_768)
    await expect(DECOMPRESS.snappy(framed.subarray(0, -1), MAX)).rejects.toThrow('cut short')
  })
})

describe('the bound of an LZ4 frame', () => {
  it('is never below what the frame holds, and not far above it for what does not compress', async () => {
    const small = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes))
    const zeros = fc.nat(MAX / 16).map((bytes) => Buffer.alloc(bytes))
    await fc.assert(
      fc.asyncProperty(fc.oneof(small, zeros), async (plain) => {
        expect(lz4Bound(await COMPRESS.lz4(plain))).toBeGreaterThanOrEqual(plain.length)
      }),
    )
    const noise = randomBytes(MAX / 16)
    expect(lz4Bound(await COMPRESS.lz4(noise))).toBe(noise.length)
  })
})
