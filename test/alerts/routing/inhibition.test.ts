import { describe, expect, it } from 'vitest'
import { AlertsConfig } from '../../../alerts/config.ts'
import { labelsOf } from '../../../alerts/labels.ts'
import { Inhibition } from '../../../alerts/routing/inhibition.ts'
import type { IncidentRecord } from '../../../storage/incident-records.ts'
import { record } from '../records.ts'

const outage = record({ id: 'outage', detector: 'telemetry_stopped', kinds: ['destination_silent'] })
const slow = record({ id: 'slow', detector: 'latency_shift', kinds: ['shift'] })

function inhibition(): Inhibition {
  return new Inhibition(AlertsConfig.parse({}).inhibit)
}

function see(rules: Inhibition, one: IncidentRecord): void {
  rules.observe(one, labelsOf(one))
}

const heldBy = (rules: Inhibition, one: IncidentRecord) => rules.holds(one.id, labelsOf(one))

describe('inhibition', () => {
  it('holds back what a silent destination explains, while it is silent', () => {
    const rules = inhibition()
    expect(heldBy(rules, slow)).toBeUndefined()
    see(rules, outage)
    expect(heldBy(rules, slow)).toBe('outage')
    see(rules, { ...outage, status: 'resolved' })
    expect(heldBy(rules, slow)).toBeUndefined()
  })

  it('holds back neither what is critical, nor another destination, nor another detector', () => {
    const rules = inhibition()
    see(rules, outage)
    expect(heldBy(rules, { ...slow, severity: 'critical' })).toBeUndefined()
    expect(heldBy(rules, { ...slow, destinations: ['ledger.bank'] })).toBeUndefined()
    expect(heldBy(rules, { ...slow, detector: 'denial_spike' })).toBeUndefined()
  })

  it('does not let incidents hold back each other, nor themselves', () => {
    const any = ['severity=~".*"']
    const rules = new Inhibition([{ source: any, target: any, equal: [] }])
    see(rules, outage)
    see(rules, slow)
    expect(heldBy(rules, outage)).toBeUndefined()
    expect(heldBy(rules, slow)).toBeUndefined()
    expect(heldBy(rules, record({ id: 'new' }))).toBeDefined()
  })
})
