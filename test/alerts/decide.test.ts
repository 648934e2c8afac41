import { describe, expect, it } from 'vitest'
import { decide, type Reason, type Told, tell } from '../../alerts/decide.ts'
import { applyFinding } from '../../alerts/incident.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { finding } from './findings.ts'

const opened = applyFinding(undefined, finding(10), 0)[0]!.record
const told = tell(opened, 'g1', 0)

const HELD = { ...told, version: 2, acknowledgedAt: 5 }

describe('whether a change is told', () => {
  const cases: [title: string, told: Told | undefined, change: Partial<IncidentRecord>, reason: Reason][] = [
    ['a new incident', undefined, {}, 'first'],
    ['one that was never told and is over', undefined, { status: 'resolved', version: 2 }, 'none'],
    ['a further finding', told, { version: 2, findings: 2 }, 'none'],
    ['the same version again', told, { severity: 'critical' }, 'none'],
    ['an older version', { ...told, version: 5 }, { version: 4, status: 'resolved' }, 'none'],
    ['a higher severity', told, { version: 2, severity: 'critical' }, 'changed'],
    ['a new kind', told, { version: 2, kinds: ['rate', 'scan'] }, 'changed'],
    ['a new destination', told, { version: 2, destinations: ['payment.shop', 'ledger.shop'] }, 'changed'],
    ['a new source', told, { version: 2, sources: ['a', 'b'] }, 'none'],
    ['somebody has it', told, { version: 2, acknowledgedAt: 5 }, 'acknowledged'],
    ['nothing new since somebody has it', HELD, { version: 3, acknowledgedAt: 5 }, 'none'],
    ['a new source since', HELD, { version: 3, acknowledgedAt: 5, sources: ['a', 'b'] }, 'changed'],
    ['a new destination since', HELD, { version: 3, acknowledgedAt: 5, destinations: ['ledger.shop'] }, 'changed'],
    ['a new kind since', HELD, { version: 3, acknowledgedAt: 5, kinds: ['rate', 'scan'] }, 'changed'],
    ['a higher severity since', HELD, { version: 3, acknowledgedAt: 5, severity: 'critical' }, 'changed'],
    ['its end', told, { version: 2, status: 'resolved' }, 'resolved'],
    ['its return', { ...told, status: 'resolved' }, { version: 2, status: 'open', reopened: 1 }, 'first'],
  ]
  for (const [title, before, change, reason] of cases) {
    it(`${title}: ${reason}`, () => expect(decide(before, { ...opened, ...change }).reason).toBe(reason))
  }

  it('what is worse does not wait for further news; what joins does', () => {
    const patient = (change: Partial<IncidentRecord>) => decide(told, { ...opened, version: 2, ...change }).patient
    expect(patient({ severity: 'critical' })).toBe(false)
    expect(patient({ kinds: ['rate', 'scan'] })).toBe(false)
    expect(patient({ status: 'resolved' })).toBe(false)
    expect(patient({ destinations: ['payment.shop', 'ledger.shop'] })).toBe(true)
    expect(decide(undefined, opened).patient).toBe(true)
  })
})
