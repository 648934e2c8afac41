import { describe, expect, it } from 'vitest'
import type { Notice } from '../../../alerts/notify/channel.ts'
import { findingsBody } from '../../../alerts/notify/ocsf.ts'
import { AROUND, CONSOLE, EACH_KIND, KEY, many, single } from './notices.ts'
import { schemaCheck } from './schemas.ts'

const problems = schemaCheck('ocsf-detection-finding-1.8.0.json')
const findings = (notice: Notice, around = AROUND) =>
  JSON.parse(findingsBody(notice, around).toString()) as Record<string, unknown>[]

describe('OCSF Detection Findings', () => {
  it.each(EACH_KIND)('of %s are of class 2004 of OCSF 1.8', (_, notice) => {
    for (const finding of [...findings(notice), ...findings(notice, { ...AROUND, consoleUrl: undefined })]) {
      expect(problems(finding)).toEqual([])
    }
  })

  it('the schema refuses what is none', () => {
    const [finding] = findings(single('first'))
    expect(problems({ ...finding, severity_id: 'high' })).not.toEqual([])
    expect(problems({ ...finding, unknown: 1 })).not.toEqual([])
    expect(problems({ ...finding, finding_info: {} })).not.toEqual([])
  })

  it('hold what is needed to act', () => {
    const [finding] = findings(single('first'))
    const { uid } = (finding as { finding_info: { uid: string } }).finding_info
    expect(finding).toMatchObject({
      class_uid: 2004,
      category_uid: 2,
      activity_id: 1,
      type_uid: 200401,
      time: 1_800_000_010_000,
      severity_id: 4,
      status_id: 1,
      is_alert: true,
      message: 'cart is denied at payment: 40 of 50 calls in 10 s, expected fewer than 1',
      metadata: {
        version: '1.8.0',
        product: { name: 'Eastwatch', version: '0.1.0' },
        correlation_uid: KEY,
        uid: `${uid}.1`,
      },
      finding_info: {
        created_time: 1_800_000_010_000,
        analytic: { name: 'denial_spike', type_id: 3 },
        attacks: [{ technique: { uid: 'T1110', src_url: 'https://attack.mitre.org/techniques/T1110/' } }],
        src_url: `${CONSOLE}/incidents/${uid}`,
      },
      evidences: [
        {
          src_endpoint: { svc_name: 'cluster.local/ns/shop/sa/cart', ip: '10.0.0.7' },
          dst_endpoint: { svc_name: 'payment.shop' },
          http_request: { uid: 'req-1', http_method: 'POST', url: { path: '/pay' } },
          http_response: { code: 403 },
          data: { trace_id: '0af7651916cd43dd8448eb211c80319c' },
        },
      ],
      unmapped: {
        observed: 40,
        expected: 0.2,
        unit: 'denials',
        sql: "SELECT * FROM eastwatch.calls WHERE outcome = 'denied'",
      },
    })
  })

  it.each([
    ['first', {}, 1, 1],
    ['first', { reopened: 1 }, 2, 1],
    ['changed', {}, 2, 1],
    ['acknowledged', {}, 2, 2],
    ['repeat', { silencedBy: 's1' }, 2, 3],
    ['resolved', {}, 3, 4],
  ] as const)('%s %j is activity %i, status %i', (reason, record, activity, status) => {
    expect(findings(single(reason, {}, record))[0]).toMatchObject({
      activity_id: activity,
      type_uid: 200_400 + activity,
      status_id: status,
    })
  })

  it('name a sub-technique as one', () => {
    const [finding] = findings(single('first', { technique: 'T1557.002' }))
    expect(finding).toMatchObject({ finding_info: { attacks: [{ sub_technique: { uid: 'T1557.002' } }] } })
  })

  it('are one for each incident of a group, joined by its key', () => {
    const told = findings(many(3))
    expect(told.map(({ metadata }) => (metadata as { correlation_uid: string }).correlation_uid)).toEqual([
      KEY,
      KEY,
      KEY,
    ])
    expect(new Set(told.map(({ finding_info }) => (finding_info as { uid: string }).uid)).size).toBe(3)
  })
})
