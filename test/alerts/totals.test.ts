import { describe, expect, it } from 'vitest'
import { addTotals, firstTotals, summaryOf } from '../../alerts/totals.ts'
import type { Finding } from '../../detectors/detector.ts'
import { finding } from './findings.ts'

function summarised(findings: readonly Finding[]): string {
  const [first, ...more] = findings
  return summaryOf(findings.at(-1)!.summary, more.reduce(addTotals, firstTotals(first!)))
}

function observing(end: number, observed: number, changes: Partial<Finding> = {}): Finding {
  const one = finding(end, { summary: `${observed} denials in 10 s`, ...changes })
  return { ...one, evidence: { ...one.evidence, observed, ...changes.evidence } }
}

const to = (destinationService: string) => ({ key: { ...finding(0).key, destinationService } })

describe('the summary of an incident', () => {
  it('of one alarm is its own sentence', () => {
    expect(summarised([observing(10, 5)])).toBe('5 denials in 10 s')
  })

  it('of more tells the newest alarm and, apart from it, what it amounts to since it opened', () => {
    expect(summarised([observing(10, 5), observing(100, 77), observing(130, 1)])).toBe(
      '1 denials in 10 s. In all since 2027-01-15 08:00:00 UTC: 3 alarms over 2 minutes, at most 77 denials in one',
    )
  })

  it('counts destinations where there are several', () => {
    expect(summarised([observing(10, 5, to('a.shop')), observing(20, 1, to('b.shop'))])).toMatch(
      /2 alarms over 20 seconds, at most 5 denials in one, at 2 destinations$/,
    )
  })

  it('compares only what has one unit and can be compared', () => {
    const odd = (end: number, unit: string) =>
      observing(end, 9, { evidence: { ...finding(end).evidence, unit, observed: 9 } })
    expect(summarised([observing(10, 5), odd(20, 'calls')])).toContain('at most 5 denials in one')
    expect(summarised([odd(10, 'surprise'), odd(20, 'surprise')])).toMatch(/2 alarms over 20 seconds$/)
    expect(summarised([odd(10, 'microseconds'), odd(20, 'microseconds')])).toContain('at most 0.009 ms in one')
  })

  it('is the same for late findings, whenever they come, and stays within its bounds', () => {
    const [a, b] = [observing(10, 5, to('a.shop')), observing(20, 7, to('b.shop'))]
    expect(addTotals(firstTotals(a), b)).toEqual(addTotals(firstTotals(b), a))
    const wide = observing(10, 5, { summary: 'x'.repeat(100_000) })
    const many = Array.from({ length: 500 }, (_, i) => observing(20 + i, i, to(`${i}`.padEnd(10_000, 'y'))))
    const text = summaryOf(wide.summary, many.reduce(addTotals, firstTotals(wide)))
    expect(text.length).toBeLessThan(1000)
    expect(text).toContain('501 alarms over 9 minutes')
  })
})
