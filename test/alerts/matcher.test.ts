import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LABELS, labelsOf } from '../../alerts/labels.ts'
import { allMatch, parseMatcher, someMatch } from '../../alerts/matcher.ts'
import { record } from './records.ts'

const labels = labelsOf(
  record({
    kinds: ['rate', 'scan'],
    severity: 'high',
    sources: ['cluster.local/ns/shop/sa/cart', 'cluster.local/ns/web/sa/front'],
    destinations: ['payment.shop'],
  }),
)
const some = (...texts: string[]) => someMatch(texts.map(parseMatcher), labels)
const all = (...texts: string[]) => allMatch(texts.map(parseMatcher), labels)

describe('matchers', () => {
  it('compare, and match whole values', () => {
    expect(some('severity="high"', 'detector=denial_spike')).toBe(true)
    expect(some('severity=~"hi"')).toBe(false)
    expect(some('severity=~"hi.*"', 'severity!~"critical|warning"', 'operation=""')).toBe(true)
    expect(some('severity!="high"')).toBe(false)
  })

  it('of a route hold where one value does, of a silence where all do', () => {
    expect(some('kind="scan"')).toBe(true)
    expect(all('kind="scan"')).toBe(false)
    expect(all('kind=~"scan|rate"')).toBe(true)
    expect(some('source_namespace="web"')).toBe(true)
    expect(all('source_namespace="web"')).toBe(false)
    expect(all('source_namespace=~"web|shop"', 'destination_namespace="shop"')).toBe(true)
    expect(some('kind!="scan"')).toBe(false)
    expect(all('kind!="scan"')).toBe(false)
    expect(all('kind!="expired"')).toBe(true)
  })

  it('hold quotes and backslashes', () => {
    const odd = labelsOf(record({ operation: 'GET /"a"\\b' }))
    expect(someMatch([parseMatcher('operation="GET /\\"a\\"\\\\b"')], odd)).toBe(true)
  })

  it.each([
    ['severity', 'is no matcher'],
    ['severity="a', 'is no matcher'],
    ['sevrity="a"', 'has no label "sevrity"'],
    ['severity=~"("', "is no expression of RE2's"],
    ['severity=~"(a{1000}){1000}"', "is no expression of RE2's"],
    ['severity=~"a{500}"', 'too large'],
    ['severity=~"(?=a)"', "is no expression of RE2's"],
    [`severity="${'a'.repeat(600)}"`, 'at most 512 characters'],
  ])('%s is refused', (text, why) => {
    expect(() => parseMatcher(text)).toThrow(why)
  })

  it('never take what they are given for an expression', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LABELS), fc.string({ maxLength: 100 }), fc.string(), (label, value, other) => {
        const quoted = value.replace(/["\\]/g, '\\$&')
        const { test } = parseMatcher(`${label}="${quoted}"`)
        expect(test(value)).toBe(true)
        expect(test(other)).toBe(other === value)
      }),
    )
  })

  it('take time linear in what telemetry says', () => {
    const { test } = parseMatcher('cause=~"(a+)+b"')
    expect(test('a'.repeat(100_000))).toBe(false)
  })
})
