import { describe, expect, it } from 'vitest'
import { applyFinding } from '../../../alerts/incident.ts'
import type { Notice } from '../../../alerts/notify/channel.ts'
import { MAX_BODY_BYTES, messageBody } from '../../../alerts/notify/message.ts'
import { fold, NO_STORM } from '../../../alerts/storm.ts'
import type { Finding } from '../../../detectors/detector.ts'
import { finding } from '../findings.ts'
import { CONSOLE, EACH_KIND, group, KEY, many, news, single } from './notices.ts'

const message = (one: Finding) => messageBody(group([{ reason: 'first', record: recordOf(one) }]), undefined)
const recordOf = (one: Finding) => applyFinding(undefined, one, 0)[0]!.record
const told = (notice: Notice) => JSON.parse(messageBody(notice, CONSOLE).toString())

describe('the message of an incident', () => {
  it('carries what is needed to act', () => {
    expect(JSON.parse(message(finding(10)).toString())).toEqual({
      type: 'eastwatch.incident',
      version: 1,
      id: `${KEY}.1`,
      reason: 'first',
      summary: 'cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
      severity: 'high',
      status: 'open',
      incident: {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        version: 1,
        detector: 'denial_spike',
        kinds: ['rate'],
        cause: 'denial_spike|policy|shop/deny-cart',
        openedAt: '2027-01-15T08:00:10.000Z',
        updatedAt: '2027-01-15T08:00:10.000Z',
        resolvedAt: null,
        resolvedBy: '',
        acknowledgedAt: null,
        acknowledgedBy: '',
        silencedUntil: null,
        reopened: 0,
        findings: 1,
      },
      source: { identity: 'cluster.local/ns/shop/sa/cart', workload: 'cart', namespace: 'shop' },
      sources: ['cluster.local/ns/shop/sa/cart'],
      destination: { service: 'payment.shop', namespace: 'shop', operation: '' },
      destinations: ['payment.shop'],
      verdict: 'shop/deny-cart rule 0',
      evidence: {
        observed: 40,
        expected: 0.2,
        unit: 'denials',
        probability: 1e-20,
        smallestDetectable: 5,
        expectedFrom: { samples: 12_000, since: '2027-01-14T08:00:00.000Z' },
        firstSeen: '2027-01-15T08:00:01.000Z',
        lastSeen: '2027-01-15T08:00:10.000Z',
        notVisible: '',
        facts: { policy: 'shop/deny-cart' },
        examples: [
          {
            at: '2027-01-15T08:00:10.000Z',
            requestId: 'req-1',
            traceId: '0af7651916cd43dd8448eb211c80319c',
            sourceAddress: '10.0.0.7',
            method: 'POST',
            path: '/pay',
            status: 403,
            detail: 'rbac_access_denied',
          },
        ],
      },
      technique: 'T1110',
      sql: "SELECT * FROM eastwatch.calls WHERE outcome = 'denied'",
      links: [{ text: 'ATT&CK T1110', href: 'https://attack.mitre.org/techniques/T1110/' }],
      group: { key: KEY, labels: { cause: 'denial_spike|policy|shop/deny-cart' }, open: 1 },
    })
  })

  it('links to the console first, where its address is known', () => {
    const notice = single('first')
    const { id } = notice.news[0].record
    const href = (consoleUrl: string) => JSON.parse(messageBody(notice, consoleUrl).toString()).links[0].href
    expect(href(CONSOLE)).toBe(`${CONSOLE}/incidents/${id}`)
    expect(href('https://tools.example/eastwatch/')).toBe(`https://tools.example/eastwatch/incidents/${id}`)
  })

  it('says who did what about it', () => {
    expect(told(single('acknowledged'))).toMatchObject({
      reason: 'acknowledged',
      incident: { acknowledgedBy: 'ada', acknowledgedAt: '2027-01-15T08:00:20.000Z' },
    })
    expect(told(single('resolved', {}, { resolvedBy: 'ada' }))).toMatchObject({
      reason: 'resolved',
      status: 'resolved',
      incident: { resolvedBy: 'ada', resolvedAt: '2027-01-15T08:01:10.000Z' },
      group: { open: 0 },
    })
  })

  it('links sub-techniques, and nothing that is none', () => {
    const links = (technique: string) => JSON.parse(message(finding(10, { technique })).toString()).links
    expect(links('T1557.002')[0].href).toBe('https://attack.mitre.org/techniques/T1557/002/')
    expect(links('')).toEqual([])
    expect(links('T1110/../../evil')).toEqual([])
  })

  it('stays within its size for the worst texts; what was observed and the summary stay', () => {
    for (const unit of ['\u0000', '€', '\u{1F600}', '"']) {
      const wide = unit.repeat(20_000)
      const example = { ...finding(10).evidence.examples[0]!, requestId: wide, path: wide, detail: wide }
      const { key, evidence } = finding(10)
      const body = message(
        finding(10, {
          summary: wide,
          cause: wide,
          kind: wide,
          key: { ...key, sourceIdentity: wide, sourceWorkload: wide, sourceNamespace: wide, operation: wide },
          evidence: {
            ...evidence,
            verdict: wide,
            blind: wide,
            examples: new Array(50).fill(example),
            facts: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}`, wide])),
            sql: unit.repeat(4_000),
          },
        }),
      )
      expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES)
      expect(JSON.parse(body.toString())).toMatchObject({ evidence: { observed: 40 }, severity: 'high' })
    }
  })
})

describe('the message of a group', () => {
  it('tells all of its incidents at once', () => {
    const notice = group([news('first', { severity: 'critical' }), news('resolved', { fingerprint: 'f2' })])
    const json = told(notice)
    expect(json).toMatchObject({
      type: 'eastwatch.group',
      version: 1,
      id: `${KEY}.1`,
      summary: expect.stringMatching(/^2 incidents \(1 new, 1 resolved\): cart is denied at payment/),
      severity: 'critical',
      status: 'open',
      group: { key: KEY, open: 1 },
      others: 0,
    })
    const alone = notice.news.map((one) => told(group([one])))
    for (const [at, one] of alone.entries()) {
      const { type, version, id, group: _, ...incident } = one
      expect(json.incidents[at]).toEqual(incident)
    }
  })

  it('is over when nothing of it is open', () => {
    expect(told(many(3, {}, 'resolved'))).toMatchObject({ status: 'resolved', group: { open: 0 } })
  })

  it('of one incident that stands for more is a group all the same', () => {
    expect(told({ ...many(1), others: 3 })).toMatchObject({ type: 'eastwatch.group', others: 3 })
  })

  it('of fifty has them all, without their evidence', () => {
    const body = messageBody(many(50), CONSOLE)
    expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES)
    expect(JSON.parse(body.toString())).toMatchObject({ others: 0 })
    expect(JSON.parse(body.toString()).incidents.length).toBe(50)
  })

  it('that is too large loses the least severe, and counts them', () => {
    const wide = '€'.repeat(1_000)
    const { key } = finding(10)
    const all = many(50, { key: { ...key, sourceWorkload: wide, sourceNamespace: wide, operation: wide }, cause: wide })
    const names = Array.from({ length: 64 }, (_, at) => `${at} ${wide}`)
    const listed = all.news.map(({ reason, record }) => ({
      reason,
      record: { ...record, sources: names, kinds: names },
    }))
    const notice = { ...all, news: listed as unknown as typeof all.news, others: 7 }
    const body = messageBody(notice, CONSOLE)
    expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES)
    const { incidents, others } = JSON.parse(body.toString())
    expect(incidents.length).toBeGreaterThan(5)
    expect(incidents.length + others).toBe(57)
    const ids = incidents.map(({ incident }: { incident: { id: string } }) => incident.id)
    expect(ids).toEqual(notice.news.slice(0, ids.length).map(({ record }) => record.id))
  })

  it.each(EACH_KIND)('%s is within the bound', (_, notice) => {
    expect(messageBody(notice, CONSOLE).length).toBeLessThanOrEqual(MAX_BODY_BYTES)
  })
})

describe('the message of a summary', () => {
  it('counts by severity and cause, shows the worst, and is bounded', () => {
    let folded = NO_STORM
    for (let i = 0; i < 1_000; i += 1) {
      const cause = i < 900 ? 'denial_spike|policy|shop/deny-all' : `__proto__${i}`
      const severity = i === 500 ? 'critical' : 'high'
      folded = fold(folded, recordOf(finding(10, { fingerprint: `f${i}`, cause, severity })))
    }
    const body = messageBody({ type: 'summary', id: 's1', summary: folded }, CONSOLE)
    expect(body.length).toBeLessThan(MAX_BODY_BYTES)
    const json = JSON.parse(body.toString())
    expect(json).toMatchObject({
      type: 'eastwatch.summary',
      id: 's1',
      severity: 'critical',
      changes: 1_000,
      bySeverity: { critical: 1, high: 999 },
      otherCauses: 81,
    })
    expect(json.byCause['denial_spike|policy|shop/deny-all']).toBe(900)
    expect(json.worst.length).toBe(20)
  })
})
