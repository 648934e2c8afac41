import { describe, expect, it } from 'vitest'
import { auditDetail, DONE, outcomeOf } from '../../alerts/outcome.ts'

describe('what came of an action', () => {
  it.each([
    ['done', 'mine'],
    ['done', 'done. mine'],
    ['too late: it is over', 'it is. over'],
    ['refused: a silence has 1 to 8 matchers. Or so', 'planned work'],
  ])('%s (%s) is read back from the audit', (outcome, reason) => {
    expect(outcomeOf(auditDetail(outcome, reason), reason)).toBe(outcome)
  })

  it('is known where the person’s own words were cut', () => {
    const reason = 'x'.repeat(500)
    expect(outcomeOf(auditDetail(DONE, reason), reason)).toBe(DONE)
    expect(outcomeOf(auditDetail('too late: it is over', reason), reason)).toMatch(/^too late: it is over\. xxx/)
  })
})
