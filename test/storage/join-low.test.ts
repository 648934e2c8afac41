import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLow } from '../../core/block/column-reader.ts'
import { Block, encodeBlock } from '../../core/block.ts'
import { joinLow } from '../../storage/join-low.ts'
import { deliveryId, sampleCall } from './calls.ts'

/** A block whose calls have these routes. */
function blockOf(routes: readonly string[]): Block {
  const calls = routes.map((route, n) => ({ ...sampleCall(n), route }))
  return new Block(encodeBlock([{ id: deliveryId(0), calls }]))
}

function joined(blocks: readonly Block[]): { texts: string[]; dictionary: readonly string[]; width: number } {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  const { dictionary, index } = readLow(Buffer.concat(joinLow(blocks, 'route')), rows)
  return { texts: Array.from(index, (key) => dictionary[key]!), dictionary, width: index.BYTES_PER_ELEMENT }
}

const numbered = (from: number, count: number) => Array.from({ length: count }, (_, n) => `/r/${from + n}`)

describe('columns of several blocks as one', () => {
  it('hold the texts of all blocks in order, each text once in the dictionary', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'a', 'b', '\0', 'x'.repeat(200), 'é漢'))
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 20 }), { minLength: 1, maxLength: 5 }), (blocks) => {
        const { texts, dictionary } = joined(blocks.map(blockOf))
        expect(texts).toEqual(blocks.flat())
        expect(new Set(dictionary)).toEqual(new Set(['', ...blocks.flat()]))
        expect(dictionary).toHaveLength(new Set(dictionary).size)
      }),
    )
  })

  it('have keys as wide as their dictionary needs, whatever the blocks had', () => {
    const wide = numbered(0, 40_000)
    const narrow = numbered(40_000, 200)
    for (const [blocks, width] of [
      [[narrow, narrow], 1],
      [[narrow, numbered(0, 200)], 2],
      [[narrow, wide], 2],
      [[wide, numbered(50_000, 40_000)], 4],
    ] as const) {
      const found = joined(blocks.map(blockOf))
      expect(found.width).toBe(width)
      expect(found.texts.join()).toBe(blocks.flat().join())
    }
  })

  it('that do not hold together are refused', () => {
    const good = blockOf(['a', 'b', 'a']).body('route')
    const broken = (change: (body: Buffer) => void) => {
      const body = Buffer.from(good)
      change(body)
      return { rows: 3, body: () => body } as unknown as Block
    }
    // Layout: 24 bytes of head, the texts '', 'a' and 'b' in five bytes, eight bytes with the number of keys, three keys.
    const changes: ((body: Buffer) => void)[] = [
      (body) => body.writeUInt8(3, 8),
      (body) => body.writeUInt32LE(2, 16),
      (body) => body.writeUInt32LE(0xffff_ffff, 16),
      (body) => body.writeUInt8(0x80, 27),
      (body) => body.writeUInt8(200, 25),
      (body) => body.writeUInt32LE(4, 29),
      (body) => body.writeUInt8(3, 39),
    ]
    for (const change of changes) {
      expect(() => joinLow([broken(change)], 'route')).toThrow(expect.objectContaining({ code: 'block_corrupt' }))
    }
    expect(() => joinLow([{ rows: 3, body: () => Buffer.alloc(10) } as unknown as Block], 'route')).toThrow(/no head/)
  })
})
