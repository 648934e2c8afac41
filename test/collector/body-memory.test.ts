import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { giveBack, memoryFor } from '../../collector/body-memory.ts'

const KB = 1024
const MB = 1024 * KB

describe('memory of bodies', () => {
  it('that was given back is used for the next body of about its size', () => {
    const first = memoryFor(700 * KB)
    giveBack(first)
    const next = memoryFor(690 * KB)
    expect(next.buffer).toBe(first.buffer)
    expect(next).toHaveLength(690 * KB)
    expect(memoryFor(690 * KB).buffer).not.toBe(first.buffer)
    giveBack(next)
    expect(memoryFor(400 * KB).buffer).not.toBe(first.buffer)
  })

  it('is one body’s alone, whoever gives back what and how often', () => {
    const step = fc.record({ bytes: fc.integer({ min: 0, max: 2 * MB }), back: fc.nat(9), times: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let out: Buffer[] = []
        for (const { bytes, back, times } of steps) {
          const fresh = memoryFor(bytes)
          expect(fresh).toHaveLength(bytes)
          expect(out.map(({ buffer }) => buffer)).not.toContain(fresh.buffer)
          out.push(fresh)
          const gone = out[back]
          if (gone === undefined) continue
          for (let i = 0; i < times; i += 1) giveBack(gone)
          if (times > 0) out = out.filter((one) => one !== gone)
        }
        for (const one of out) giveBack(one)
      }),
    )
  })

  it('waits for a body up to sixteen megabytes', () => {
    const many = Array.from({ length: 40 }, () => memoryFor(MB))
    for (const one of many) giveBack(one)
    const again = new Set(Array.from({ length: 40 }, () => memoryFor(MB).buffer))
    expect(many.filter(({ buffer }) => again.has(buffer))).toHaveLength(16)
  })

  it('of others is left alone', () => {
    const foreign = Buffer.allocUnsafeSlow(300 * KB)
    giveBack(foreign)
    expect(memoryFor(300 * KB).buffer).not.toBe(foreign.buffer)
  })
})
