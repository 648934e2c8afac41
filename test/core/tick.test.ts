import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeBlock } from '../../core/block.ts'
import { decodeTick, encodeTick } from '../../core/tick.ts'

it('a tick comes back as it was, also from the middle of a buffer', () => {
  const any = fc.record({
    producer: fc.string({ unit: 'binary' }),
    seq: fc.nat(),
    time: fc.maxSafeNat(),
    leave: fc.boolean(),
  })
  fc.assert(
    fc.property(any, fc.nat(9), (tick, at) => {
      const bytes = encodeTick(tick)
      const around = new Uint8Array(bytes.length + at)
      around.set(bytes, at)
      expect(decodeTick(around.subarray(at))).toEqual(tick)
    }),
  )
})

it('what is no tick is none, and never an error', () => {
  expect(decodeTick(encodeBlock([]))).toBeUndefined()
  for (const text of [
    '',
    'EWT1',
    'EWT1[',
    'EWT1{}',
    'EWT1null',
    'EWT1[1,2,3,true]',
    'EWT1["p",1,2]',
    'EWT2["p",1,2,true]',
  ]) {
    expect(decodeTick(Buffer.from(text))).toBeUndefined()
  }
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeTick(Buffer.concat([Buffer.from('EWT1'), bytes]))))
})
