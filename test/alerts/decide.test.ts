import { describe, expect, it } from 'vitest'
import { decide, type Reason, type Told, tell } from '../../alerts/decide.ts'
import { applyFinding } from '../../alerts/incident.ts'
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { finding } from './findings.ts'

const opened = applyFinding(undefined, finding(10), 0)[0]!.record
const told = tell(undefined, opened)

describe('whether a change is told', () => {
  const cases: [title: string, told: Told | undefined, change: Partial<IncidentRecord>, reason: Reason][] = [
    ['a new incident', undefined, {}, 'first'],
    ['one that was never told and is over', undefined, { status: 'resolved', version: 2 }, 'none'],
    ['a further finding', told, { version: 2, findings: 2 }, 'none'],
    ['the same version again', told, { severity: 'critical' }, 'none'],
    ['an older version', { ...told, version: 5 }, { version: 4, status: 'resolved' }, 'none'],
    ['a higher severity', told, { version: 2, severity: 'critical' }, 'changed'],
    ['a new kind', told, { version: 2, kinds: ['rate', 'scan'] }, 'changed'],
    ['a new destination', told, { version: 2, destinationService: 'ledger.shop' }, 'changed'],
    ['its end', told, { version: 2, status: 'resolved' }, 'resolved'],
    ['its return', { ...told, status: 'resolved' }, { version: 2, status: 'open', reopened: 1 }, 'first'],
  ]
  for (const [title, before, change, reason] of cases) {
    it(`${title}: ${reason}`, () => expect(decide(before, { ...opened, ...change })).toBe(reason))
  }

  it('a destination that was told once is no news again', () => {
    const second = { ...opened, version: 2, destinationService: 'ledger.shop' }
    expect(decide(tell(told, second), { ...opened, version: 3 })).toBe('none')
  })

  it('destinations remembered are bounded', () => {
    let memory = told
    for (let i = 0; i < 1_000; i += 1) {
      memory = tell(memory, { ...opened, version: i + 2, destinationService: `s${i}.shop` })
    }
    expect(memory.destinations.length).toBe(64)
    expect(decide(memory, { ...opened, version: 2_000, destinationService: 'new.shop' })).toBe('none')
  })
})
