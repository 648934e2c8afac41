import { describe, expect, it } from 'vitest'
import { applyFinding } from '../../../alerts/incident.ts'
import { MAX_BODY_BYTES, messageBody } from '../../../alerts/notify/message.ts'
import { fold, NO_STORM } from '../../../alerts/storm.ts'
import type { Finding } from '../../../detectors/detector.ts'
import { finding } from '../findings.ts'

function message(one: Finding) {
  const record = applyFinding(undefined, one, 0)[0]!.record
  return messageBody({ type: 'incident', id: `${record.id}.1`, reason: 'first', record })
}

describe('the message of an incident', () => {
  it('carries what is needed to act', () => {
    expect(JSON.parse(message(finding(10)).toString())).toEqual({
      type: 'eastwatch.incident',
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{32}\.1$/),
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
        reopened: 0,
        findings: 1,
      },
      source: { identity: 'cluster.local/ns/shop/sa/cart', workload: 'cart', namespace: 'shop' },
      destination: { service: 'payment.shop', operation: '' },
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

describe('the message of a summary', () => {
  it('counts by severity and cause, shows the worst, and is bounded', () => {
    let storm = NO_STORM
    for (let i = 0; i < 1_000; i += 1) {
      const cause = i < 900 ? 'denial_spike|policy|shop/deny-all' : `__proto__${i}`
      const severity = i === 500 ? 'critical' : 'high'
      storm = fold(storm, applyFinding(undefined, finding(10, { fingerprint: `f${i}`, cause, severity }), 0)[0]!.record)
    }
    const body = messageBody({ type: 'summary', id: 's1', summary: storm })
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
