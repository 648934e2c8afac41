import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CSRF_HEADER } from '../../../alerts/api/access.ts'
import { DAY, MINUTE } from '../../../core/clock.ts'
import type { IncidentRecord, SilenceRecord } from '../../../storage/incident-records.ts'
import { noEngine } from '../../storage/store.ts'
import { SECOND, T0 } from '../findings.ts'
import { record } from '../records.ts'
import { type Answer, Site } from './site.ts'

const ID = (n: number) => String(n).padStart(32, '0')
const BANK = {
  sourceNamespace: 'bank',
  sources: ['cluster.local/ns/bank/sa/teller'],
  destinations: ['ledger.bank'],
  destinationService: 'ledger.bank',
  destinationNamespace: 'bank',
}
const incident = (n: number, changes: Partial<IncidentRecord> = {}) =>
  record({ id: ID(n), fingerprint: `f${n}`, openedAt: T0 + n * SECOND, updatedAt: T0 + n * SECOND, ...changes })

const silence = (id: string, changes: Partial<SilenceRecord> = {}): SilenceRecord => ({
  type: 'silence',
  id,
  version: 1,
  matchers: ['severity="info"'],
  startsAt: T0,
  endsAt: T0 + 3650 * DAY,
  createdAt: T0,
  createdBy: 'ada',
  reason: 'planned work',
  namespaces: [],
  byAdmin: false,
  endedBy: '',
  ...changes,
})

describe.skipIf(noEngine() !== undefined)('the API', { timeout: 60_000 }, () => {
  let site: Site
  beforeAll(async () => {
    site = await Site.open({
      ruth: ['reader'],
      ada: ['operator'],
      shopkeeper: ['operator', 'shop'],
      root: ['admin'],
    })
    await site.insert(
      incident(1),
      incident(1, { version: 2, updatedAt: T0 + 50 * SECOND, acknowledgedBy: 'ada', acknowledgedAt: T0 + 50 * SECOND }),
      incident(2, { ...BANK, severity: 'critical', kinds: ['impostor'], summary: "<b>';DROP TABLE</b>" }),
      incident(3, { sources: ['cluster.local/ns/shop/sa/cart', 'cluster.local/ns/bank/sa/teller'] }),
      incident(4, { status: 'resolved', resolvedAt: T0 + 9 * SECOND }),
      silence('s1'),
      silence('s2', { namespaces: ['shop'] }),
      silence('s3', { endsAt: 1e15 }),
      silence('s4', { namespaces: ['bank'], endsAt: T0 + 3660 * DAY }),
      {
        type: 'audit',
        id: 'x',
        at: T0,
        actor: 'ada',
        action: 'acknowledge',
        subject: `incident ${ID(1)}`,
        detail: 'done. mine',
      },
      {
        type: 'notification',
        id: 'n',
        incidentId: ID(1),
        incidentVersion: 1,
        receiver: 'oncall',
        reason: 'first',
        status: 'sent',
        attempt: 1,
        at: T0,
        detail: '',
      },
    )
  })
  afterAll(() => site.stop())

  const silencesOf = async (as: string) =>
    (await site.ask('GET', '/silences', { as })).json.silences.map(({ id }: { id: string }) => id)
  const ids = ({ json }: Answer) => json.incidents.map(({ id }: { id: string }) => Number(id))

  it('lists incidents, the newest change first, each in its newest version', async () => {
    const answer = await site.ask('GET', '/incidents', { as: 'ruth' })
    expect([answer.status, ids(answer), answer.json.more]).toEqual([200, [1, 4, 3, 2], false])
    expect(answer.json.incidents[0]).toMatchObject({
      version: 2,
      state: 'acknowledged',
      acknowledgedBy: 'ada',
      openedAt: T0 / 1000 + 1000,
      sources: ['cluster.local/ns/shop/sa/cart'],
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it.each<[string, number[]]>([
    ['?state=open', [3, 2]],
    ['?state=acknowledged,resolved', [1, 4]],
    ['?severity=critical', [2]],
    ['?search=LEDGER', [2]],
    ['?search=%27%3BDROP', [2]],
    ['?search=%25', []],
    [`?from=${T0 / 1000 + 4000}`, [1, 4]],
    [`?until=${T0 / 1000 + 2000}`, [1]],
    ['?limit=1', [1]],
  ])('lists what %s asks for', async (query, expected) => {
    expect(ids(await site.ask('GET', `/incidents${query}`, { as: 'ruth' }))).toEqual(expected)
  })

  it('shows one with its evidence, what was done and who was told', async () => {
    const { json } = await site.ask('GET', `/incidents/${ID(1)}`, { as: 'ruth' })
    expect(json).toMatchObject({
      id: ID(1),
      evidence: { observed: 40, technique: 'T1110' },
      audit: [{ at: T0 / 1000, actor: 'ada', action: 'acknowledge', detail: 'done. mine' }],
      notifications: [{ receiver: 'oncall', status: 'sent', attempt: 1 }],
    })
  })

  it.each<[string, number, object]>([
    ['acknowledge', 3, { state: 'acknowledged', acknowledgedBy: 'ada' }],
    ['resolve', 3, { state: 'resolved', resolvedBy: 'ada' }],
    ['accept', 1, { state: 'resolved', acceptedUntil: expect.closeTo(Date.now() + (30 * DAY) / 1000, -5) }],
  ])('%s goes into the log, with who and why, and the next answer shows it', async (what, n, shown) => {
    const before = Date.now() * 1000
    const answer = await site.ask('POST', `/incidents/${ID(n)}/${what}`, { as: 'ada', body: { reason: ' is mine ' } })
    expect([answer.status, answer.json.shows]).toEqual([202, true])
    const listed = await site.ask('GET', '/incidents', { as: 'ruth' })
    expect(listed.json.incidents.find(({ id }: { id: string }) => id === ID(n))).toMatchObject(shown)
    const { json } = await site.ask('GET', `/incidents/${ID(n)}`, { as: 'ruth' })
    expect(json.audit).toContainEqual(expect.objectContaining({ actor: 'ada', action: what, detail: 'done. is mine' }))
    const written = site.actions.at(-1)!
    expect(written).toMatchObject({
      type: what,
      id: answer.json.action,
      incidentId: ID(n),
      fingerprint: `f${n}`,
      reason: 'is mine',
      actor: { name: 'ada', role: 'operator', namespaces: [] },
    })
    expect(written.at).toBeGreaterThanOrEqual(before)
    if (written.type === 'accept') expect(written.until - written.at).toBeCloseTo(30 * DAY, -7)
  })

  it('what comes too late is told, and stands in the audit', async () => {
    const body = { reason: 'is mine' }
    const answer = await site.ask('POST', `/incidents/${ID(4)}/acknowledge`, { as: 'ada', body })
    expect([answer.status, answer.json.error]).toEqual([
      409,
      { code: 'conflict', message: 'too late: the incident is resolved' },
    ])
    const { json } = await site.ask('GET', `/incidents/${ID(4)}`, { as: 'ruth' })
    expect(json.audit).toMatchObject([{ detail: 'too late: the incident is resolved. is mine' }])
  })

  it('where the log is behind, nobody waits for it long', async () => {
    site.isBehind = true
    const answer = await site.ask('POST', `/incidents/${ID(2)}/acknowledge`, { as: 'ada', body: { reason: 'mine' } })
    site.isBehind = false
    expect([answer.status, answer.json]).toEqual([202, { action: site.actions.at(-1)!.id, shows: false }])
  })

  it('silences go into the log, and the next answer has them', async () => {
    const matchers = ['destination="payment.shop"', 'severity!="critical"']
    const body = { matchers, minutes: 60, reason: 'planned work' }
    const made = await site.ask('POST', '/silences', { as: 'shopkeeper', body })
    expect(made.status).toBe(202)
    const written = site.actions.at(-1)!
    expect(written).toMatchObject({ type: 'silence', id: made.json.action, matchers, actor: { namespaces: ['shop'] } })
    if (written.type === 'silence') expect(written.endsAt - written.at).toBeCloseTo(60 * MINUTE, -7)
    expect(await silencesOf('ruth')).toEqual([made.json.action, 's1', 's2', 's4'])
    expect(await silencesOf('shopkeeper')).toEqual([made.json.action, 's2'])
    const ended = await site.ask('DELETE', '/silences/s1', { as: 'ada' })
    expect([ended.status, site.actions.at(-1)]).toMatchObject([202, { type: 'end_silence', silenceId: 's1' }])
    expect(await silencesOf('ruth')).toEqual([made.json.action, 's2', 's4'])
  })

  it('whoever is limited to namespaces sees what touches them, and acts on what is wholly within', async () => {
    const as = 'shopkeeper'
    expect(ids(await site.ask('GET', '/incidents', { as }))).toEqual([1, 4, 3])
    expect((await site.ask('GET', `/incidents/${ID(2)}`, { as })).status).toBe(404)
    const written = site.actions.length
    const body = { reason: 'mine' }
    expect((await site.ask('POST', `/incidents/${ID(3)}/acknowledge`, { as, body })).status).toBe(403)
    expect((await site.ask('POST', `/incidents/${ID(2)}/acknowledge`, { as, body })).status).toBe(404)
    expect((await site.ask('DELETE', '/silences/s4', { as })).status).toBe(404)
    expect(site.actions.length).toBe(written)
    expect((await site.ask('POST', `/incidents/${ID(1)}/accept`, { as, body })).status).toBe(202)
  })

  it('that an impostor is normal is said by an admin only', async () => {
    const body = { reason: 'a test of ours' }
    const refused = await site.ask('POST', `/incidents/${ID(2)}/accept`, { as: 'ada', body })
    expect([refused.status, refused.json.error.code]).toEqual([403, 'forbidden'])
    expect((await site.ask('POST', `/incidents/${ID(2)}/accept`, { as: 'root', body })).status).toBe(202)
  })

  const LONG = 'x'.repeat(501)
  it.each<[string, string, string, unknown, number, RegExp]>([
    ['nobody', 'GET', '/incidents', undefined, 401, /a token is needed/],
    [
      'ruth',
      'POST',
      `/incidents/${ID(1)}/acknowledge`,
      { reason: 'mine' },
      403,
      /ruth is a reader; this needs the role operator/,
    ],
    ['ada', 'POST', `/incidents/${ID(1)}/acknowledge`, {}, 400, /^reason/],
    ['ada', 'POST', `/incidents/${ID(1)}/acknowledge`, { reason: 'ok' }, 400, /^reason/],
    ['ada', 'POST', `/incidents/${ID(1)}/acknowledge`, { reason: LONG }, 400, /^reason/],
    ['ada', 'POST', `/incidents/${ID(1)}/acknowledge`, { reason: 'mine', more: 1 }, 400, /more/],
    ['ada', 'POST', `/incidents/${ID(9)}/acknowledge`, { reason: 'mine' }, 404, /there is no incident/],
    ['ada', 'POST', `/incidents/${ID(1)}/accept`, { reason: 'mine', days: 91 }, 400, /^days/],
    ['ada', 'POST', '/silences', { matchers: [], minutes: 5, reason: 'work' }, 400, /^matchers/],
    ['ada', 'POST', '/silences', { matchers: ['severity'], minutes: 5, reason: 'work' }, 400, /is no matcher/],
    ['ada', 'POST', '/silences', { matchers: ['severity=a'], minutes: 10_081, reason: 'work' }, 400, /^minutes/],
    ['ada', 'POST', '/silences', '{"matchers":', 400, /JSON/],
    ['ada', 'POST', '/silences', JSON.stringify({ reason: 'x'.repeat(20_000) }), 413, /too large/],
    ['ada', 'GET', '/incidents?limit=0', undefined, 400, /^limit/],
    ['ada', 'GET', '/incidents?state=closed', undefined, 400, /^state/],
    ['ada', 'GET', '/incidents?state=open&state=resolved', undefined, 400, /^state/],
    ['ada', 'GET', '/incidents?colour=red', undefined, 400, /colour/],
    ['ada', 'GET', '/nothing', undefined, 404, /there is no GET/],
    ['ada', 'PUT', '/silences', {}, 404, /there is no PUT/],
  ])('%s: %s %s %j is refused', async (as, method, path, body, status, why) => {
    const written = site.actions.length
    const answer = await site.ask(method, path, { ...(as === 'nobody' ? {} : { as }), body })
    expect([answer.status, answer.json.error.message]).toEqual([status, expect.stringMatching(why)])
    expect(site.actions.length).toBe(written)
  })

  it('says when to come again while the log or the store is away', async () => {
    site.isBusAway = true
    const answer = await site.ask('POST', `/incidents/${ID(1)}/resolve`, { as: 'ada', body: { reason: 'over' } })
    site.isBusAway = false
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
  })

  it('a session logs in, acts with the header of its page, and logs out', async () => {
    const login = await site.ask('POST', '/session', { body: { token: site.tokens.ada } })
    const set = login.headers.get('set-cookie')!
    expect([login.status, set]).toEqual([
      204,
      expect.stringMatching(/; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/),
    ])
    const cookie = set.split(';')[0]!
    const { json } = await site.ask('GET', '/session', { headers: { cookie } })
    expect(json).toMatchObject({ name: 'ada', role: 'operator', canLogOut: true })
    const act = (headers: Record<string, string>) =>
      site.ask('POST', `/incidents/${ID(1)}/accept`, { headers, body: { reason: 'mine' } })
    expect((await act({ cookie })).status).toBe(403)
    expect((await act({ cookie, [CSRF_HEADER]: json.csrf })).status).toBe(202)
    const out = await site.ask('DELETE', '/session', { headers: { cookie, [CSRF_HEADER]: json.csrf } })
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
    expect((await site.ask('POST', '/session', { body: { token: 'ewt_no' } })).status).toBe(401)
  })

  it('its description is OpenAPI, and every answer is as described', async () => {
    const { json: openapi } = await site.ask('GET', '/openapi.json')
    expect(openapi).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
    const ajv = new Ajv2020({ strict: false })
    const isAsDescribed = async (method: string, path: string, template: string, status: number, body?: unknown) => {
      const answer = await site.ask(method, path, { as: 'root', body })
      expect(answer.status).toBe(status)
      const described = openapi.paths[template][method.toLowerCase()].responses
      const schema =
        status < 300 ? described[String(status)].content['application/json'].schema : openapi.components.schemas.Error
      expect(ajv.validate(schema, answer.json), ajv.errorsText()).toBe(true)
    }
    await site.insert(incident(5))
    const reason = { reason: 'for the description' }
    await isAsDescribed('GET', '/incidents', '/incidents', 200)
    await isAsDescribed('GET', '/incidents?limit=0', '/incidents', 400)
    await isAsDescribed('GET', `/incidents/${ID(1)}`, '/incidents/{id}', 200)
    for (const what of ['acknowledge', 'resolve', 'accept']) {
      await isAsDescribed('POST', `/incidents/${ID(5)}/${what}`, `/incidents/{id}/${what}`, 202, reason)
    }
    await isAsDescribed('POST', `/incidents/${ID(5)}/resolve`, '/incidents/{id}/resolve', 409, reason)
    await isAsDescribed('GET', '/silences', '/silences', 200)
    await isAsDescribed('POST', '/silences', '/silences', 202, { matchers: ['severity="info"'], minutes: 1, ...reason })
    await isAsDescribed('DELETE', '/silences/s2', '/silences/{id}', 202)
    await isAsDescribed('DELETE', '/silences/none', '/silences/{id}', 404)
  })
})
