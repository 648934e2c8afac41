import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Block, encodeBlock, isBlock, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS } from '../../core/block.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call, emptyCall } from '../../core/call.ts'
import { PipelineError } from '../../core/errors.ts'
import { encodeTick } from '../../core/tick.ts'
import { anyCall, wellFormed } from './calls.ts'

const delivery = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  calls: fc.array(anyCall, { maxLength: 8 }),
})
const id = new Uint8Array(16)
const of = (...calls: Partial<Call>[]) =>
  encodeBlock([{ id, calls: calls.map((call) => ({ ...emptyCall(), ...call })) }])

/** Reads everything there is in a block. */
function readAll(block: Block): Call[] {
  return Array.from({ length: block.rows }, (_, row) => block.call(row))
}

describe('a block', () => {
  it('gives back any calls and deliveries', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 4 }), (deliveries) => {
        const bytes = encodeBlock(deliveries)
        expect(isBlock(bytes)).toBe(true)
        const block = new Block(bytes)
        expect(readAll(block)).toEqual(deliveries.flatMap(({ calls }) => calls.map(wellFormed)))
        let row = 0
        deliveries.forEach(({ id: own, calls }, i) => {
          const range = block.deliveries[i]!
          expect([Buffer.from(range.id), range.from, range.to]).toEqual([Buffer.from(own), row, row + calls.length])
          row += calls.length
        })
      }),
    )
  })

  it('is the same where its bytes stand in a larger buffer at an odd place', () => {
    const bytes = of({ path: '/a', weight: 7 }, { path: '/b' })
    const moved = new Uint8Array(bytes.length + 5)
    moved.set(bytes, 3)
    expect(readAll(new Block(moved.subarray(3, 3 + bytes.length)))).toEqual(readAll(new Block(bytes)))
  })

  it('gives each column by itself', () => {
    const calls = [
      {
        sourceService: 'a',
        path: '/1',
        status: 200,
        grpcStatus: -1,
        end: 1_700_000_000_123_456,
        late: true,
        weight: 4e9,
      },
      { sourceService: 'b', path: '/2', status: 503, grpcStatus: 14, durationUs: 2 ** 40 + 1 },
      { sourceService: 'a', path: '', status: 0 },
    ]
    const block = new Block(of(...calls))
    expect(block.low('sourceService')).toEqual({ dictionary: ['', 'a', 'b'], index: Uint8Array.of(1, 2, 1) })
    expect(block.text('path')).toEqual(['/1', '/2', ''])
    expect([...(block.numbers('status') as Uint16Array)]).toEqual([200, 503, 0])
    expect([...(block.numbers('grpcStatus') as Int16Array)]).toEqual([-1, 14, -1])
    expect([...(block.numbers('late') as Uint8Array)]).toEqual([1, 0, 0])
    expect([...(block.numbers('weight') as Uint32Array)]).toEqual([4e9, 1, 1])
    expect([...(block.numbers('end') as Float64Array)]).toEqual([1_700_000_000_123_456, 0, 0])
    expect([...(block.numbers('durationUs') as Float64Array)]).toEqual([0, 2 ** 40 + 1, 0])
  })

  it('has every column of a call', () => {
    const own = Object.keys(emptyCall())
    expect([...CALL_COLUMN_NAMES].sort()).toEqual(own.sort())
  })

  it.each([1, 255, 256, 65_535, 65_536])('holds a dictionary of %i texts', (count) => {
    const calls = Array.from({ length: count }, (_, i) => ({ ...emptyCall(), sni: `host-${i}` }))
    const block = new Block(encodeBlock([{ id, calls }]))
    const { dictionary, index } = block.low('sni')
    expect(index.BYTES_PER_ELEMENT).toBe(count < 256 ? 1 : count < 65_536 ? 2 : 4)
    for (const row of [0, count >> 1, count - 1]) expect(dictionary[index[row]!]).toBe(`host-${row}`)
  })

  it('holds lone surrogates as U+FFFD, in one dictionary entry', () => {
    const block = new Block(of({ sni: '\ud800', path: 'a\udc00b' }, { sni: '\udbff' }, { sni: '\ufffd' }))
    expect(block.low('sni')).toEqual({ dictionary: ['', '\ufffd'], index: Uint8Array.of(1, 1, 1) })
    expect(block.text('path')[0]).toBe('a\ufffdb')
    const body = block.body('path')
    expect(new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(1, 1 + body[0]!))).toBe('a\ufffdb')
  })

  it('holds numbers outside their range at its end, and what is no number as 0', () => {
    const call = new Block(
      of({ status: 70_000, grpcStatus: -40_000, weight: -1, end: 2 ** 60, durationUs: Number.NaN }),
    ).call(0)
    expect(call).toMatchObject({
      status: 65_535,
      grpcStatus: -32_768,
      weight: 0,
      end: Number.MAX_SAFE_INTEGER,
      durationUs: 0,
    })
  })

  it('has at most so many rows and bytes', () => {
    const many = Array.from({ length: MAX_BLOCK_ROWS + 1 }, emptyCall)
    expect(() => encodeBlock([{ id, calls: many }])).toThrow(expect.objectContaining({ code: 'too_large' }))
    const path = 'x'.repeat(MAX_BLOCK_BYTES / 4)
    const long = Array.from({ length: 4 }, () => ({ ...emptyCall(), path }))
    expect(() => encodeBlock([{ id, calls: long }])).toThrow(expect.objectContaining({ code: 'too_large' }))
    const huge = { ...emptyCall(), path: 'é'.repeat(5 * MAX_BLOCK_BYTES) }
    expect(() => encodeBlock([{ id, calls: [huge] }])).toThrow(expect.objectContaining({ code: 'too_large' }))
    expect(new Block(encodeBlock([{ id, calls: long.slice(1) }])).text('path')[2]).toBe(path)
  })
})

describe('filter of a block', () => {
  it('keeps the rows asked for, under their deliveries', () => {
    fc.assert(
      fc.property(fc.array(delivery, { maxLength: 4 }), fc.infiniteStream(fc.boolean()), (deliveries, coin) => {
        const block = new Block(encodeBlock(deliveries))
        const kept = Array.from({ length: block.rows }, () => coin.next().value as boolean)
        const filtered = new Block(block.filter((row) => kept[row]!))
        expect(readAll(filtered)).toEqual(readAll(block).filter((_, row) => kept[row]))
        expect(filtered.deliveries.map(({ from, to }) => to - from)).toEqual(
          block.deliveries.map(({ from, to }) => kept.slice(from, to).filter(Boolean).length),
        )
      }),
      { numRuns: 30 },
    )
  })
})

describe('bytes that are no block', () => {
  /** Reads every column; anything but a clean error fails the test. */
  function readWhole(bytes: Uint8Array): PipelineError | undefined {
    try {
      const block = new Block(bytes)
      for (const name of CALL_COLUMN_NAMES) {
        const kind = CALL_COLUMNS[name]
        if (kind === 'low') block.low(name)
        else if (kind === 'text') block.text(name)
        else block.numbers(name)
      }
      return undefined
    } catch (error) {
      if (error instanceof PipelineError && ['block_corrupt', 'block_version'].includes(error.code)) return error
      throw error
    }
  }

  it('are told from one by their first bytes', () => {
    expect(isBlock(encodeTick({ producer: 'p', seq: 1, time: 1, leave: false }))).toBe(false)
    expect(isBlock(new Uint8Array())).toBe(false)
  })

  it('of another version are named so', () => {
    const bytes = of({})
    bytes[3] = 0x32
    expect(readWhole(bytes)?.message).toBe('block version "2" is not known; this program reads version 1')
  })

  it('are corrupt where any end is missing or something follows', () => {
    const bytes = of({ path: '/a', sni: 'host' }, { path: '/b' })
    for (let end = 4; end < bytes.length; end += 1) expect(readWhole(bytes.slice(0, end))?.code).toBe('block_corrupt')
    expect(readWhole(Buffer.concat([bytes, Buffer.of(0)]))?.code).toBe('block_corrupt')
  })

  it('give only clean errors, whatever bytes were changed', () => {
    const blocks = fc.array(delivery, { minLength: 1, maxLength: 3 }).map((deliveries) => encodeBlock(deliveries))
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(blocks, changes, (bytes, edits) => {
        for (const [at, value] of edits) bytes[at % bytes.length] = value
        readWhole(bytes)
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readWhole(bytes)))
  })

  it('give only clean errors for lengths and counts at their extremes', () => {
    const bytes = of({ path: '/a' }, { path: '/b' })
    for (let at = 4; at + 4 <= bytes.length; at += 1) {
      for (const extreme of [0, 0xffff_ffff, 0x7fff_ffff, 65_536]) {
        const changed = Buffer.from(bytes)
        changed.writeUInt32LE(extreme, at)
        readWhole(changed)
      }
    }
  })
})
