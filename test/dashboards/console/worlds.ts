/** Worlds that the console shows in tests: a shop with trouble, and a large mesh. */
import { meshRows } from '../../../bench/mesh-rows.ts'
import { EDGES } from '../../../demo/shop.ts'
import type { Site } from '../../alerts/api/site.ts'
import { record } from '../../alerts/records.ts'
import { findingRow, insertRows, type Pair, pair, pathRow, windowRow } from './rows.ts'

/** Seconds since the epoch: the end of the newest window. */
const newest = () => Math.floor(Date.now() / 10_000) * 10 - 20

export const AUTH = pair('frontend', 'auth.shop')
export const LEDGER = pair('email', 'ledger.shop')
export const INCIDENT = '0123456789abcdef0123456789abcdef'

/** A day of the demo's shop, thinned out, with one path of each kind. */
export async function shop({ store, insert }: Pick<Site, 'store' | 'insert'>): Promise<void> {
  const now = newest()
  const wave = (at: number) => Math.round(40 + 15 * Math.sin(at / 40) + (at % 7))
  const windows = EDGES.flatMap(({ source, destination }) =>
    Array.from({ length: 400 }, (_, at) =>
      windowRow(now - at * 10, pair(source, `${destination}.shop`), { requests: wave(at) }),
    ),
  )
  const stranger: Pair = { ...pair('', 'cart.shop', ''), source_identity: '', source_address: '10.42.9.66' }
  await insertRows(store, 'windows', [
    ...windows,
    ...Array.from({ length: 12 }, (_, at) => windowRow(now - at * 10, AUTH, { requests: 40, ok: 0, denied: 30 + at })),
    ...Array.from({ length: 6 }, (_, at) =>
      windowRow(now - 300 - at * 10, pair('frontend', 'cart.shop'), { gap_p50_us: 6700 }),
    ),
    windowRow(now - 60, LEDGER, { requests: 5 }),
    windowRow(now - 60, stranger, { trust: 'claimed', requests: 9, plaintext: 9 }),
    windowRow(now - 60, pair('shipping', 'catalog.shop'), { requests: 12, tls_failures: 12 }),
  ])
  await insertRows(store, 'paths', [
    ...EDGES.flatMap(({ source, destination, routes }) =>
      routes.map(({ method, path }) => pathRow(now - 60, pair(source, `${destination}.shop`), { method, route: path })),
    ),
    pathRow(now - 60, AUTH, { method: 'DELETE', route: '/session', allowed: 0, denied: 400 }),
    pathRow(now - 60, LEDGER, {
      route: '/entries',
      allowed: 0,
      forbidden_ok: 5,
      reason: 'no policy of ledger allows email',
    }),
  ])
  await insertRows(store, 'findings', [
    findingRow(now - 20, AUTH, { summary: 'frontend is denied at auth: 40 of 40 calls in 10 s' }),
    findingRow(now - 60, pair('checkout', 'email.shop'), {
      detector: 'new_path',
      kind: 'new_operation',
      severity: 'info',
      summary: 'checkout uses POST /messages at email for the first time',
    }),
    findingRow(now - 300, pair('frontend', 'cart.shop'), {
      detector: 'latency_shift',
      kind: 'added_delay',
      summary: 'between frontend and cart 6 ms were added',
      observed: 6700,
      expected: 700,
      detectable: 1200,
      unit: 'microseconds',
    }),
  ])
  const at = (now - 20) * 1e6
  const of = (key: Pair) => ({
    sourceIdentity: key.source_identity,
    sourceWorkload: key.source_workload,
    sourceNamespace: 'shop',
    destinationService: key.destination_service,
    sources: [key.source_identity],
    destinations: [key.destination_service],
  })
  await insert(
    record({
      id: INCIDENT,
      fingerprint: INCIDENT,
      ...of(AUTH),
      summary: 'frontend is denied at auth: 40 of 40 calls in 10 s, expected fewer than 1',
      openedAt: at - 9e7,
      updatedAt: at,
    }),
    record({
      id: 'ledger',
      fingerprint: 'ledger',
      ...of(LEDGER),
      severity: 'critical',
      detector: 'new_path',
      kinds: ['outside_graph'],
      summary: 'email called ledger.shop (GET /entries), which no policy allows, and was answered 5 times',
      openedAt: at - 6e7,
      updatedAt: at - 4e7,
    }),
    record({
      id: 'gap',
      fingerprint: 'gap',
      ...of(pair('frontend', 'cart.shop')),
      detector: 'latency_shift',
      kinds: ['added_delay'],
      summary: 'between frontend and cart 6 ms were added that neither spent',
      openedAt: at - 3e8,
      updatedAt: at - 3e8,
      acknowledgedBy: 'ada',
      acknowledgedAt: at - 2e8,
    }),
    record({
      id: 'past',
      fingerprint: 'past',
      ...of(pair('shipping', 'catalog.shop')),
      severity: 'warning',
      detector: 'tls_failure',
      kinds: ['expired'],
      status: 'resolved',
      summary: 'the certificate of shipping has expired',
      openedAt: at - 9e8,
      updatedAt: at - 5e8,
      resolvedAt: at - 5e8,
    }),
    {
      type: 'audit',
      id: 'a1',
      at: at - 2e8,
      actor: 'ada',
      action: 'acknowledge',
      subject: 'incident gap',
      detail: 'we test a proxy there',
    },
    {
      type: 'notification',
      id: 'n1',
      incidentId: INCIDENT,
      incidentVersion: 1,
      receiver: 'oncall',
      reason: 'first',
      status: 'sent',
      attempt: 1,
      at: at - 8e7,
      detail: '',
    },
    {
      type: 'silence',
      id: 's1',
      version: 1,
      matchers: ['destination="email.shop"', 'severity=~"info|warning"'],
      startsAt: at - 3.6e9,
      endsAt: at + 7.2e9,
      createdAt: at - 3.6e9,
      createdBy: 'ada',
      reason: 'moves to another provider',
      namespaces: [],
      byAdmin: false,
      endedBy: '',
    },
  )
}

/** A large mesh, in one window. */
export async function mesh({ store }: Pick<Site, 'store'>, services: number): Promise<void> {
  const { windows, paths } = meshRows(services, newest())
  await insertRows(store, 'windows', windows)
  await insertRows(store, 'paths', paths)
}
