/** The stand-in for Grafana in tests and benchmarks does what Grafana and its ClickHouse plugin are documented to do. */
import { describe, expect, it } from 'vitest'
import { ALL, expandQuery, intervalOf, type Values } from '../../bench/grafana-macros.ts'

const range = { from: 1_795_833_840_500, to: 1_795_837_440_900, intervalMs: 30_000 }
const expand = (sql: string, values: Values = {}) => expandQuery(sql, values, range)

describe('macros of the plugin', () => {
  it.each([
    ['$__timeFilter(end)', 'end >= toDateTime(1795833840) AND end <= toDateTime(1795837440)'],
    [
      '$__timeFilter_ms(end)',
      'end >= fromUnixTimestamp64Milli(1795833840500) AND end <= fromUnixTimestamp64Milli(1795837440900)',
    ],
    ['$__fromTime', 'toDateTime(1795833840)'],
    ['$__toTime_ms', 'fromUnixTimestamp64Milli(1795837440900)'],
    ['$__timeInterval( start ) AS t', 'toStartOfInterval(toDateTime(start), INTERVAL 30 second) AS t'],
    ['x / $__interval_s', 'x / 30'],
    ['a -- $__timeFilter(end)\n, b', `a ${' '.repeat(21)}\n, b`],
    ["'it''s -- text' /* gone */", "'it''s -- text'           "],
  ])('%s', (sql, expanded) => {
    expect(expand(sql)).toBe(expanded)
  })

  it('what the plugin does not know, or has too few arguments, is an error', () => {
    expect(() => expand('$__timeGroup(end)')).toThrow('no macro $__timeGroup')
    expect(() => expand('$__timeFilter')).toThrow('$__timeFilter with 0 arguments')
    expect(() => expand('$__timeFilter(end')).toThrow('not closed')
  })

  it('are expanded in texts too, so that no name may hold one', () => {
    expect(expand("x = '$__interval_s'")).toBe("x = '30'")
  })
})

describe('variables of Grafana', () => {
  it('singlequote escapes quotes, and no backslashes', () => {
    expect(expand('IN (${v:singlequote})', { v: 'one' })).toBe("IN ('one')")
    expect(expand('IN (${v:singlequote})', { v: ["it's", 'b\\'] })).toBe("IN ('it\\'s','b\\')")
    expect(() => expand('${v}', { v: 'one' })).toThrow('another format')
    expect(() => expand('${w:singlequote}', { v: 'one' })).toThrow('no value')
  })

  it('$__conditionalAll is 1=1 where all is chosen, and else its condition', () => {
    const sql = 'WHERE $__conditionalAll((a IN (${v:singlequote}) OR b = 1), $v) AND c'
    expect(expand(sql, { v: ALL })).toBe('WHERE 1=1 AND c')
    expect(expand(sql, { v: ['x', 'y'] })).toBe("WHERE (a IN ('x','y') OR b = 1) AND c")
  })

  it('the span of a point is rounded, and never shorter than the panel asks for', () => {
    const hour = 3_600_000
    expect([1, 6, 24].map((hours) => intervalOf(hours * hour, 300, 10_000))).toEqual([10_000, 60_000, 300_000])
    expect(intervalOf(hour, 300, 60_000)).toBe(60_000)
  })
})
