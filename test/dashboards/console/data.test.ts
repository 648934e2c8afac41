/** What the console asks of the store: the map, a pair, coverage, health. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MapPath } from '../../../dashboards/console/data/map.ts'
import { Site } from '../../alerts/api/site.ts'
import { record } from '../../alerts/records.ts'
import { noEngine } from '../../storage/store.ts'
import { findingRow, insertRows, type Pair, pair, pathRow, windowRow } from './rows.ts'

const NOW = Math.floor(Date.now() / 10_000) * 10
const RANGE = `from=${(NOW - 900) * 1000}&until=${NOW * 1000}`
const DAY = 86_400

const CART = pair('frontend', 'cart.shop')
const AUTH = pair('frontend', 'auth.shop')
const LEDGER = pair('email', 'ledger.bank')
const ADDRESS: Pair = { ...pair('', 'cart.shop', ''), source_identity: '', source_address: '10.0.0.9' }
const STRANGER: Pair = { ...ADDRESS, source_address: '10.0.0.66', destination_service: 'auth.bank' }
const AUDIT = pair('audit-v2', 'auth.bank', 'bank')

const queryOf = (key: Pair) =>
  new URLSearchParams(
    Object.entries(key).map(([name, value]): [string, string] => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ).toString()

describe.skipIf(noEngine() !== undefined)("the console's data", { timeout: 60_000 }, () => {
  let site: Site
  beforeAll(async () => {
    site = await Site.open({ ruth: ['reader'], banker: ['reader', 'bank'], shopkeeper: ['reader', 'shop'] })
    site.health.register('bus', () => ({ ready: false, detail: 'the disk is full' }))
    await insertRows(site.store, 'windows', [
      ...Array.from({ length: 200 }, (_, at) =>
        windowRow(NOW - 900 - at * 60, CART, { requests: at % 2 === 0 ? 48 : 52 }),
      ),
      windowRow(NOW - 20, CART),
      windowRow(NOW - 10, CART, { requests: 70, server_errors: 2, gap_p50_us: 6700, incomplete: true }),
      windowRow(NOW - 10, CART, { trust: 'claimed', requests: 5 }),
      windowRow(NOW - 30, AUTH, { requests: 90, ok: 0, denied: 90 }),
      windowRow(NOW - 30, LEDGER, { requests: 5, tls_failures: 1 }),
      windowRow(NOW - 30, ADDRESS, { trust: 'claimed', plaintext: 50 }),
      windowRow(NOW - 30, AUDIT, { requests: 100, server_errors: 5 }),
      // Both ends tell of the same eight; the destination's listener of one more.
      windowRow(NOW - 30, STRANGER, {
        requests: 0,
        handshakes: 9,
        'tls.reporter': ['source', 'destination', 'destination'],
        'tls.failure': ['unknown_ca', 'unknown_ca', 'other'],
        'tls.rejected_by': ['destination', 'destination', 'destination'],
        'tls.count': [8, 8, 1],
      }),
      windowRow(NOW - 2000, pair('old', 'cart.shop')),
      windowRow(NOW + 10, pair('future', 'cart.shop')),
    ])
    await insertRows(site.store, 'paths', [
      pathRow(NOW - 10, CART, { route: '/carts/{n}' }),
      pathRow(NOW - 70, CART, { route: '/carts/{n}' }),
      pathRow(NOW - 10, LEDGER, {
        route: '/entries',
        allowed: 0,
        forbidden: 5,
        forbidden_ok: 5,
        reason: 'no policy allows it',
      }),
      pathRow(NOW - 10, AUTH, { allowed: 0, denied: 90 }),
    ])
    await insertRows(site.store, 'findings', [
      findingRow(NOW - 30, AUTH),
      findingRow(NOW - 3000, AUTH),
      findingRow(NOW - 30, CART, { detector: 'new_path', kind: 'new_operation', severity: 'info' }),
    ])
    const seen = (NOW - 30) * 1e6
    await site.insert(
      record({
        id: 'i1',
        sourceIdentity: AUTH.source_identity,
        sources: [AUTH.source_identity],
        destinations: ['auth.shop'],
        openedAt: seen,
        updatedAt: seen,
      }),
      {
        type: 'notification',
        id: 'n1',
        incidentId: 'i1',
        incidentVersion: 1,
        receiver: 'oncall',
        reason: 'first',
        status: 'dead',
        attempt: 9,
        at: seen,
        detail: 'answered 500',
      },
      {
        type: 'notification',
        id: 'n2',
        incidentId: 'i1',
        incidentVersion: 2,
        receiver: 'oncall',
        reason: 'first',
        status: 'sent',
        attempt: 1,
        at: seen,
        detail: '',
      },
    )
    const received = `${NOW - 60}.000000`
    await insertRows(site.store, 'rejected', [
      {
        received,
        sender: 's',
        signal: 'logs',
        delivery: 'd',
        position: 1,
        reason: 'not_utf8',
        detail: 'byte 7',
        batch: 'test',
      },
    ])
    const call = {
      kind: 'request',
      reporter: 'destination',
      trust: 'verified',
      protocol: 'http',
      outcome: 'ok',
      received,
      end: received,
      start: received,
      batch: 'test',
    }
    await insertRows(site.store, 'calls', [
      { ...call, destination_service: 'cart.shop', source_identity: 'x', destination_identity: 'y' },
      { ...call, destination_service: 'auth.bank' },
    ])
  })
  afterAll(() => site.stop())

  const map = async (as: string) => {
    const { status, json } = await site.ask('GET', `/map?${RANGE}`, { as })
    expect(status, JSON.stringify(json)).toBe(200)
    return json
  }

  it('the map says of each path what stands out, the worst first', async () => {
    const { paths, services, more } = await map('ruth')
    const told = Object.fromEntries(paths.map((path: MapPath) => [`${path.source} > ${path.destination}`, path.states]))
    expect(told).toEqual({
      'email.shop > ledger.bank': ['outside', 'failing'],
      'frontend.shop > auth.shop': ['denied'],
      '10.0.0.9 > cart.shop': ['plaintext', 'undecided'],
      'frontend.shop > cart.shop': ['new', 'authorised'],
      'audit-v2.bank > auth.bank': ['failing', 'undecided'],
      '10.0.0.66 > auth.bank': ['failing', 'undecided'],
    })
    expect(more).toBe(false)
    expect(paths.find((path: MapPath) => path.source === '10.0.0.66').tlsFailures).toBe(9)
    expect(paths.find((path: MapPath) => path.source === '10.0.0.9').verified).toBe(false)
    expect(services).toContainEqual({ name: 'cart.shop', namespace: 'shop', received: 175, sent: 0 })
    expect(services).toContainEqual({ name: 'frontend.shop', namespace: 'shop', received: 0, sent: 215 })
  })

  it('whoever is limited to namespaces sees the paths that touch them', async () => {
    const ends = async (as: string) => (await map(as)).paths.map((path: MapPath) => path.destination).sort()
    expect(await ends('banker')).toEqual(['auth.bank', 'auth.bank', 'ledger.bank'])
    expect(await ends('shopkeeper')).toEqual(['auth.shop', 'cart.shop', 'cart.shop', 'ledger.bank'])
    const hidden = await site.ask('GET', `/pair?${queryOf(CART)}&${RANGE}`, { as: 'banker' })
    expect(hidden.json).toMatchObject({ points: [], routes: [], findings: [], incidents: [], bands: null })
  })

  it('a pair has its points in order, beside what was usual the day before', async () => {
    const { status, json } = await site.ask('GET', `/pair?${queryOf(CART)}&${RANGE}`, { as: 'ruth' })
    expect(status, JSON.stringify(json)).toBe(200)
    expect(json.stepSeconds).toBe(10)
    expect(json.points.map(({ at, requests }: { at: number; requests: number }) => [at, requests])).toEqual([
      [(NOW - 30) * 1000, 50],
      [(NOW - 20) * 1000, 75],
    ])
    expect(json.points[1]).toMatchObject({ failures: 2, gapUs: 3700, answerUs: 12_000, incomplete: true })
    // A window of ten seconds a minute: most steps of the past are empty.
    expect(json.bands).toMatchObject({ requests: { median: 0, low: 0, high: 52 }, gapUs: { median: 700 } })
    expect(json.bands.steps).toBeGreaterThan(1000)
    expect(json.routes).toEqual([
      { method: 'GET', route: '/carts/{n}', requests: 600, denied: 0, outside: 0, reason: '' },
    ])
  })

  it('longer stretches have longer steps, and their band is of such steps', async () => {
    const range = `from=${(NOW - 900) * 1000 - 3 * 3600_000}&until=${(NOW - 900) * 1000}`
    const { json } = await site.ask('GET', `/pair?${queryOf(CART)}&${range}`, { as: 'ruth' })
    expect(json.stepSeconds).toBe(90)
    expect(json.bands.requests.high).toBeLessThan(250)
    expect(json.bands.requests.median).toBeGreaterThan(40)
  })

  it('a pair has what was found of it, and its incidents', async () => {
    const { json } = await site.ask('GET', `/pair?${queryOf(AUTH)}&${RANGE}`, { as: 'ruth' })
    expect(json.findings).toEqual([
      {
        at: (NOW - 30) * 1000,
        detector: 'denial_spike',
        kind: 'rate',
        severity: 'high',
        summary: 'denied',
        observed: 40,
        expected: 0.5,
        detectable: 5,
        unit: 'denials',
      },
    ])
    expect(json.incidents).toMatchObject([{ id: 'i1', state: 'open' }])
    expect(json.bands).toBeNull()
  })

  it('coverage is what doctor tells, of the namespaces that one may see', async () => {
    const services = async (as: string) => (await site.ask('GET', '/coverage', { as })).json.services
    expect((await services('ruth')).map(({ service }: { service: string }) => service)).toEqual([
      'auth.bank',
      'cart.shop',
    ])
    const [only, ...more] = await services('banker')
    expect([only.service, more]).toEqual(['auth.bank', []])
    expect(only.detectors[0]).toMatchObject({
      detector: 'denial_spike',
      state: 'degraded',
      why: expect.stringContaining('without identity'),
    })
    expect(only.newest).toBe((NOW - 60) * 1000)
  })

  it('health tells of parts, of what was rejected and of dead letters; not of others to whoever is limited', async () => {
    const { json } = await site.ask('GET', '/health', { as: 'ruth' })
    expect(json).toMatchObject({
      parts: [{ part: 'bus', ready: false, detail: 'the disk is full' }],
      newestCall: (NOW - 60) * 1000,
      judgedUntil: (NOW + 10) * 1000,
      isStoreEmpty: false,
      rejected: [{ reason: 'not_utf8', records: 1, detail: 'byte 7' }],
      receivers: [{ receiver: 'oncall', sent: 1, failed: 0, dead: 1, detail: 'answered 500' }],
    })
    expect((await site.ask('GET', '/health', { as: 'banker' })).json).toMatchObject({ rejected: [], receivers: [] })
  })

  it.each<[string, RegExp]>([
    ['/map', /^from/],
    [`/map?from=2&until=1`, /until: it must be after from/],
    [`/map?from=0&until=${32 * DAY * 1000}`, /at most 31 days/],
    [`/pair?${RANGE}`, /^destinationService/],
    [`/pair?destinationService=${'x'.repeat(1001)}&${RANGE}`, /^destinationService/],
    ['/coverage?hours=25', /^hours/],
  ])('%s is refused', async (path, why) => {
    const { status, json } = await site.ask('GET', path, { as: 'ruth' })
    expect([status, json.error.message]).toEqual([400, expect.stringMatching(why)])
  })

  it('names are values, and never SQL', async () => {
    const key = { ...CART, destination_service: "x' OR 1=1 --{y}" }
    const { status, json } = await site.ask('GET', `/pair?${queryOf(key)}&${RANGE}`, { as: 'ruth' })
    expect([status, json.points, json.routes]).toEqual([200, [], []])
  })
})
