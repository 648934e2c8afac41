import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonRecord } from '../../../core/bus/json-record.ts'
import { encodeTick } from '../../../core/tick.ts'

const record = jsonRecord<unknown>('EWX1')

describe('JSON records', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(record.decode(record.encode(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('that were damaged are refused, in words that show nothing of them', () => {
    const damaged = Buffer.concat([Buffer.from('EWX1'), Buffer.from('{"token":"secret"')])
    const refusal = { code: 'block_corrupt', message: 'record EWX1 of 21 bytes holds no JSON' }
    expect(() => record.decode(damaged)).toThrow(expect.objectContaining(refusal))
  })

  it('are told from ticks, from records of another kind or version, and from too few bytes', () => {
    const others = [
      encodeTick({ producer: 'a', seq: 1, time: 1, leave: false }),
      jsonRecord('EWX2').encode({}),
      Buffer.from('EWX'),
      Buffer.alloc(0),
    ]
    for (const other of others) expect(record.decode(other)).toBeUndefined()
  })
})
