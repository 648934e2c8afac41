import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countItems, countItemsJson } from '../../../collector/otlp/count-items.ts'
import { DEFAULT_LIMITS } from '../../../collector/otlp/limits.ts'
import { PipelineError } from '../../../core/errors.ts'

/** A length-delimited field of fewer than 128 bytes. */
const field = (number: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body])
}

describe('spans and data points', () => {
  it('are counted over all resources and scopes, in both encodings', () => {
    const span = field(2, Buffer.from([0x2a, 1, 0x61]))
    const traces = Buffer.concat([field(1, field(2, span, span), field(2, span)), field(1)])
    expect(countItems(traces, 'traces', DEFAULT_LIMITS)).toBe(3)
    const json = { resourceSpans: [{ scopeSpans: [{ spans: [{}, {}] }, { spans: [{}] }] }, {}] }
    expect(countItemsJson(Buffer.from(JSON.stringify(json)), 'traces', DEFAULT_LIMITS)).toBe(3)
  })

  it('are counted in every kind of metric', () => {
    const kinds = [5, 7, 9, 10, 11].map((kind) => field(2, field(1, Buffer.from('m')), field(kind, field(1), field(1))))
    expect(countItems(field(1, field(2, ...kinds)), 'metrics', DEFAULT_LIMITS)).toBe(10)
    const names = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']
    const metrics = names.map((name) => ({ name, [name]: { dataPoints: [{}, {}] } }))
    const json = Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }))
    expect(countItemsJson(json, 'metrics', DEFAULT_LIMITS)).toBe(10)
  })

  it('past the limit refuse the request', () => {
    const traces = field(1, field(2, ...Array.from({ length: 11 }, () => field(2))))
    expect(() => countItems(traces, 'traces', { ...DEFAULT_LIMITS, maxRecords: 10 })).toThrow('more than 10 items')
  })

  it('of random bytes are a number or bad input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('traces', 'metrics'), (bytes, signal) => {
        for (const count of [countItems, countItemsJson]) {
          try {
            expect(count(bytes, signal, DEFAULT_LIMITS)).toBeGreaterThanOrEqual(0)
          } catch (error) {
            expect(error).toBeInstanceOf(PipelineError)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })
})
