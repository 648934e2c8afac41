import { describe, expect, it } from 'vitest'
import { webhookBody } from '../../../alerts/notify/alertmanager-webhook.ts'
import { CONSOLE, EACH_KIND, group, KEY, many, news, single } from './notices.ts'
import { schemaCheck } from './schemas.ts'

const problems = schemaCheck('alertmanager-webhook-4.json')
const payload = (notice: Parameters<typeof webhookBody>[0], consoleUrl: string | undefined = CONSOLE) =>
  JSON.parse(webhookBody(notice, 'oncall', consoleUrl).toString())

describe("the payload of Alertmanager's webhook", () => {
  it.each(EACH_KIND)('of %s is one of version 4', (_, notice) => {
    expect(problems(payload(notice))).toEqual([])
    expect(problems(JSON.parse(webhookBody(notice, 'oncall', undefined).toString()))).toEqual([])
  })

  it('of one incident says what all of it has in common', () => {
    const told = payload(single('first'))
    expect(told).toMatchObject({
      groupKey: KEY,
      status: 'firing',
      receiver: 'oncall',
      externalURL: CONSOLE,
      groupLabels: { cause: 'denial_spike|policy|shop/deny-cart' },
      alerts: [{ status: 'firing', startsAt: '2027-01-15T08:00:10.000Z', endsAt: '0001-01-01T00:00:00Z' }],
    })
    expect(told.commonLabels).toEqual(told.alerts[0].labels)
    expect(told.commonLabels).toMatchObject({
      alertname: 'denial_spike',
      severity: 'high',
      destination: 'payment.shop',
    })
    expect(told.commonAnnotations.sql).toBe("SELECT * FROM eastwatch.calls WHERE outcome = 'denied'")
  })

  it('of a group is firing until nothing of it is open', () => {
    const both = payload(group([news('first'), news('resolved', { fingerprint: 'f2' })]))
    expect([both.status, ...both.alerts.map(({ status }: { status: string }) => status)]).toEqual([
      'firing',
      'firing',
      'resolved',
    ])
    expect(both.commonLabels.incident).toBeUndefined()
    expect(both.commonLabels.alertname).toBe('denial_spike')
    const over = payload(many(3, {}, 'resolved'))
    expect([over.status, over.alerts[0].endsAt]).toEqual(['resolved', '2027-01-15T08:01:10.000Z'])
  })

  it('keeps the fingerprint of an incident, and counts what found no room', () => {
    const [first, later] = [payload(single('first')), payload(single('changed', { severity: 'critical' }))]
    expect(later.alerts[0].fingerprint).toBe(first.alerts[0].fingerprint)
    expect(first.alerts[0].fingerprint).toMatch(/^[0-9a-f]{16}$/)
    expect(payload({ ...many(2), others: 7 }).truncatedAlerts).toBe(7)
  })
})
