import { describe, expect, it } from 'vitest'
import { messageBody } from '../../alerts/notify/message.ts'
import { ATTACKS } from '../../demo/attacks.ts'
import type { Opened } from '../../demo/judge.ts'
import { incidentsOf, incidentText, judgementText, type Message } from '../../demo/text.ts'
import { many, single, storm } from '../alerts/notify/notices.ts'

const message: Message = {
  reason: 'first',
  summary: 'email.shop called ledger.shop (GET /entries), which no policy allows, and was answered',
  severity: 'critical',
  status: 'open',
  incident: { detector: 'new_path', kinds: ['outside_graph'], openedAt: '2026-11-23T14:21:10.000Z' },
  verdict: 'default: no ALLOW policy of shop/ledger matches',
  evidence: {
    observed: 1,
    expected: 0,
    unit: 'calls',
    expectedFrom: { samples: 1, since: null },
    notVisible:
      'rests on the declared policies as they were exported: a newer policy may allow it, and then it is fine',
    facts: { operations: 'GET /entries', pair_known_hours: 0 },
    examples: [
      {
        at: '2026-11-23T14:21:07.531Z',
        requestId: '',
        sourceAddress: '10.42.1.25',
        method: '',
        path: '',
        detail: '',
      },
    ],
  },
  technique: 'T1021',
  sql: 'SELECT 1',
}

const incident: Opened = {
  id: '1',
  detector: 'new_path',
  kinds: ['outside_graph'],
  severity: 'critical',
  summary: 'email called ledger',
  sourceIdentity: '',
  sourceWorkload: '',
  destinationService: '',
  verdict: '',
  findings: 1,
}

describe('an incident as the demo shows it', () => {
  it('has the right number, short lines, no empty ends, and says nothing twice', () => {
    const text = incidentText(message)
    expect(text).toContain('  seen       1 call; expected none, from 1 sample\n')
    expect(text).toContain('  facts      pair known hours: 0\n')
    expect(text).toContain('  example    2026-11-23 14:21:07 UTC from 10.42.1.25\n')
    expect(text.split('\n').filter((line) => line.length > 110 || line.endsWith(' '))).toEqual([])
    expect(text.match(/\/entries/g)).toHaveLength(1)
  })

  it('lets no text of the telemetry steer the terminal', () => {
    const hostile = { ...message, summary: 'x\u001b[2J\r\nPASSED: all\u202e', verdict: '\u0007' }
    const text = incidentText(hostile)
    for (const char of ['\u001b', '\r', '\u0007', '\u202e']) expect(text).not.toContain(char)
    expect(text).not.toMatch(/^PASSED/m)
  })
})

describe('the end of the demo', () => {
  const found = ATTACKS.map((attack) => ({ attack, incident }))

  it('says in its last line what the exit code says', () => {
    const last = (text: string) => text.trimEnd().split('\n').at(-1)
    expect(last(judgementText({ attacks: found, unexpected: [] }))).toBe(
      'PASSED: 7 of 7 attacks found, nothing else opened.',
    )
    expect(judgementText({ attacks: [], unexpected: [] })).toBe('PASSED: nobody attacked, nothing opened.\n')
    const missed = [{ attack: ATTACKS[0]!, incident: undefined }, ...found.slice(1)]
    const failed = judgementText({ attacks: missed, unexpected: [incident] })
    expect(failed).toContain('MISSED  denial burst')
    expect(failed).toContain('UNEXPECTED  critical, by new_path in 1 alarm: email called ledger')
    expect(last(failed)).toBe('FAILED: 6 of 7 attacks found, 1 incident too many.')
  })
})

describe('the incidents of a message', () => {
  it('are those that it tells of, alone or in a group', () => {
    const told = (notice: Parameters<typeof messageBody>[0]) =>
      incidentsOf(JSON.parse(messageBody(notice, undefined).toString()))
    expect(told(single('first')).map(incidentText)).toEqual([expect.stringMatching(/^HIGH {2}cart is denied/)])
    expect(told(many(3)).map(incidentText).length).toBe(3)
    expect(told(storm())).toEqual([])
  })
})
