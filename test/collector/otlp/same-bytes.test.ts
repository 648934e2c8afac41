import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameBytes, viewOf } from '../../../collector/otlp/same-bytes.ts'

/** Few, so that much is the same. */
const byte = fc.constantFrom(0, 0, 0, 0x80, 0xff, 1)
const bytes = fc.array(byte, { maxLength: 70 }).map((all) => Buffer.from(all))

describe('bytes', () => {
  it('are the same where each is', () => {
    const place = fc.nat(7)
    fc.assert(
      fc.property(bytes, place, place, fc.option(fc.tuple(fc.nat(), byte)), (all, atA, atB, change) => {
        const other = Buffer.from(all)
        if (change !== null && all.length > 0) other[change[0] % all.length] = change[1]
        const a = viewOf(Buffer.concat([Buffer.alloc(atA, 3), all]))
        const b = viewOf(Buffer.concat([Buffer.alloc(atB, 4), other]))
        expect(sameBytes(a, atA, b, atB, all.length)).toBe(all.equals(other))
      }),
      { numRuns: 2000 },
    )
  })
})
