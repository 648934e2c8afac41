import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLimit, tightened } from '../../../storage/embedded/limits.ts'
import { overdueAfter } from '../../../storage/embedded/overdue.ts'
import { LIMITS } from '../store.ts'

const SETTINGS = ['max_execution_time', 'max_memory_usage', 'max_result_rows', 'max_result_bytes']

describe('limits that a client asks for', () => {
  it('are taken where they are lower, and change nothing where they are higher', () => {
    expect(tightened(LIMITS, { max_execution_time: '2', max_result_rows: '10' })).toEqual({
      ...LIMITS,
      maxSeconds: 2,
      maxResultRows: 10,
    })
    expect(tightened(LIMITS, { max_execution_time: '65', max_memory_usage: '99999999999' })).toEqual(LIMITS)
    expect(tightened(LIMITS, { max_execution_time: '0.5' }).maxSeconds).toBe(0.5)
  })

  it('never raise one, whatever is asked', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.bigInt().map(String),
      fc.constantFrom('0', '-1', '1e9', 'inf', 'nan', '00'),
    )
    fc.assert(
      fc.property(fc.constantFrom(...SETTINGS), value, (setting, text) => {
        let asked: typeof LIMITS
        try {
          asked = tightened(LIMITS, { [setting]: text })
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_input' })
          return
        }
        for (const [name, limit] of Object.entries(asked)) {
          expect(limit).toBeGreaterThan(0)
          expect(limit).toBeLessThanOrEqual(LIMITS[name as keyof typeof LIMITS])
        }
      }),
    )
  })

  it('are these four', () => {
    for (const setting of SETTINGS) expect(isLimit(setting)).toBe(true)
    for (const setting of ['readonly', 'max_threads', 'constructor', '__proto__', 'MAX_EXECUTION_TIME']) {
      expect(isLimit(setting)).toBe(false)
    }
  })
})

describe('a query that runs on', () => {
  it('is beyond its limit for good after twice the limit, and ten seconds more at least', () => {
    expect([1, 10, 30, 3600].map(overdueAfter)).toEqual([11, 20, 60, 7200])
  })
})
