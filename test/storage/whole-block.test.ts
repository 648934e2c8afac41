import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Block } from '../../core/block.ts'
import { CALL_COLUMN_NAMES } from '../../core/call.ts'
import type { PipelineError } from '../../core/errors.ts'
import { callsSink } from '../../storage/sinks/calls.ts'
import { requireWhole } from '../../storage/whole-block.ts'
import { blockOf, T0 } from './calls.ts'

const good = Buffer.from(blockOf(1, 0, 300, T0))

/** True where every column of the block can be decoded. */
function decodes(bytes: Uint8Array): boolean {
  try {
    const block = new Block(bytes)
    requireWhole(block)
    return true
  } catch (error) {
    expect((error as PipelineError).code).toMatch(/^block_/)
    return false
  }
}

describe('a whole block', () => {
  it('is one whose columns all can be decoded, whatever bytes were changed', () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, byte] of changes) bytes[at] = byte
        if (!decodes(bytes)) return
        const block = new Block(bytes)
        for (let row = 0; row < block.rows; row += 1) block.call(row)
        for (const name of CALL_COLUMN_NAMES) expect(block.body(name).length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  it('is told from one that was cut short anywhere', () => {
    expect(decodes(good)).toBe(true)
    for (let length = 4; length < good.length; length += 97) expect(decodes(good.subarray(0, length))).toBe(false)
  })
})

describe('the sink of calls', () => {
  it('passes over a damaged block and takes the next', () => {
    const damaged = Buffer.from(good)
    damaged[damaged.length - 200] = 0xff
    for (let at = 1000; at < 3000; at += 1) damaged[at] = 0xff
    const sink = callsSink.gatherer(undefined)
    expect(sink.add(damaged)).toEqual({ rows: 0, bytes: damaged.length })
    expect(sink.add(blockOf(2, 300, 5, T0)).rows).toBe(5)
  })

  it('stops at a version it does not know, as a newer program can read it', () => {
    const newer = Buffer.from(good)
    newer[3] = '2'.charCodeAt(0)
    expect(() => callsSink.gatherer(undefined).add(newer)).toThrow(expect.objectContaining({ code: 'block_version' }))
  })
})
