import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recent } from '../../../collector/sources/recent.ts'

describe('results of recent texts', () => {
  it('are those of the function itself, whatever came before', () => {
    const long = fc.integer({ min: 250, max: 260 }).map((length) => 'x'.repeat(length))
    const text = fc.oneof(fc.nat(20).map(String), fc.string({ maxLength: 4 }), long)
    const remembering = recent((text: string) => ({ text }))
    fc.assert(
      fc.property(fc.array(text, { maxLength: 50 }), (texts) => {
        for (const text of texts) expect(remembering(text)).toEqual({ text })
      }),
    )
  })

  it('are kept from the second time on while no other takes their place, but for long texts', () => {
    const computed: number[] = []
    const remembering = recent((text: string) => computed.push(text.length))
    for (let i = 0; i < 4; i += 1) for (const text of ['/a', '/b', 'x'.repeat(257)]) remembering(text)
    expect(computed).toEqual([2, 2, 257, 2, 2, 257, 257, 257])
  })
})
