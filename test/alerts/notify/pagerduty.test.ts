import { describe, expect, it } from 'vitest'
import type { Notice } from '../../../alerts/notify/channel.ts'
import { eventBody } from '../../../alerts/notify/pagerduty.ts'
import { CONSOLE, EACH_KIND, group, KEY, many, news, single, storm } from './notices.ts'
import { schemaCheck } from './schemas.ts'

const ROUTING_KEY = 'R0123456789abcdef0123456789ABCDE'
const problems = schemaCheck('pagerduty-event.json')
const event = (notice: Notice, consoleUrl: string | undefined = CONSOLE) =>
  JSON.parse(eventBody(notice, ROUTING_KEY, consoleUrl).toString())

describe('an event for PagerDuty', () => {
  it.each(EACH_KIND)('of %s is one of its Events API v2', (_, notice) => {
    expect(problems(event(notice))).toEqual([])
    expect(problems(JSON.parse(eventBody(notice, ROUTING_KEY, undefined).toString()))).toEqual([])
  })

  it('triggers with what is needed to act', () => {
    const told = event(single('first'))
    const id = told.payload.custom_details.Incident
    expect(told).toEqual({
      routing_key: ROUTING_KEY,
      event_action: 'trigger',
      dedup_key: KEY,
      payload: {
        summary: 'cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
        source: 'payment.shop',
        timestamp: '2027-01-15T08:00:10.000Z',
        component: 'cart',
        group: 'shop',
        class: 'denial_spike',
        severity: 'error',
        custom_details: {
          Severity: 'high',
          'Found by': 'denial_spike (rate), open since 2027-01-15 08:00:10 UTC',
          Seen: '40 denials; expected 0.2, from 12,000 samples',
          From: 'cluster.local/ns/shop/sa/cart',
          To: 'payment.shop',
          Verdict: 'shop/deny-cart rule 0',
          Example:
            '2027-01-15 08:00:10 UTC from 10.0.0.7 POST /pay request id req-1 trace id 0af7651916cd43dd8448eb211c80319c',
          'ATT&CK': 'T1110',
          Incident: expect.stringMatching(/^[0-9a-f]{32}$/),
          SQL: "SELECT * FROM eastwatch.calls WHERE outcome = 'denied'",
        },
      },
      client: 'Eastwatch',
      client_url: CONSOLE,
      links: [
        { text: 'Incident in Eastwatch', href: `${CONSOLE}/incidents/${id}` },
        { text: 'ATT&CK T1110', href: 'https://attack.mitre.org/techniques/T1110/' },
      ],
    })
  })

  it('acknowledges only what is all that is open, and resolves only when nothing is', () => {
    const action = (notice: Notice) => event(notice).event_action
    expect(action(single('acknowledged'))).toBe('acknowledge')
    expect(action({ ...single('acknowledged'), open: 2 })).toBe('trigger')
    expect(action(group([news('acknowledged'), news('first', { fingerprint: 'f2' })]))).toBe('trigger')
    expect(action(single('resolved'))).toBe('resolve')
    expect(action({ ...single('resolved'), open: 1 })).toBe('trigger')
    expect(action(many(2, {}, 'resolved'))).toBe('resolve')
  })

  it.each([
    ['critical', 'critical'],
    ['high', 'error'],
    ['warning', 'warning'],
    ['info', 'info'],
  ] as const)('of severity %s is %s there', (severity, theirs) => {
    expect(event(single('first', { severity })).payload.severity).toBe(theirs)
  })

  it('of a group is one, with a line for each incident', () => {
    const told = event({ ...many(3), others: 2 })
    expect(told.payload.summary).toBe(
      '5 incidents (3 new, 2 more): cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
    )
    expect(told.payload.custom_details.Incidents.length).toBe(3)
    expect(told.payload.custom_details.Incidents[0]).toMatch(/^high, first: cart is denied .* \([0-9a-f]{32}\)$/)
    expect(told.payload.custom_details.More).toBe('2')
    expect(event({ ...many(50) }).links.length).toBe(10)
  })

  it('of storms are one alert', () => {
    const [first, second] = [event(storm(50)), event(storm(120))]
    expect(second.dedup_key).toBe(first.dedup_key)
    expect(second.payload).toMatchObject({
      severity: 'critical',
      custom_details: { 'By severity': { critical: 1, high: 119 } },
    })
  })
})
