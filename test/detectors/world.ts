/**
 * A small world of calls for tests: a dozen services, a daily rhythm, a nightly batch, pods that are replaced, certificates that
 * rotate cleanly; and attacks to plant. Written without a look at the detectors' formulas. Calls only: no OTLP, no policy files.
 */
import type { Call } from '../../core/call.ts'
import { DAY, HOUR, MINUTE } from '../../core/clock.ts'
import { call } from './harness.ts'

export const START = Date.UTC(2026, 0, 5) * 1000

export function identity(service: string): string {
  return `cluster.local/ns/shop/sa/${service}`
}

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

interface Edge {
  source: string
  destination: string
  /** Calls a second at the daily mean. */
  rate: number
  routes: string[]
  /** Only in this hour of the day. */
  hour?: number
}

export const EDGES: readonly Edge[] = [
  { source: 'frontend', destination: 'cart', rate: 0.25, routes: ['/carts/{id}', '/carts/{id}/items'] },
  { source: 'frontend', destination: 'catalog', rate: 0.06, routes: ['/products', '/products/{id}'] },
  { source: 'frontend', destination: 'auth', rate: 0.08, routes: ['/session'] },
  { source: 'frontend', destination: 'ads', rate: 0.03, routes: ['/ads'] },
  { source: 'frontend', destination: 'checkout', rate: 0.02, routes: ['/orders'] },
  { source: 'checkout', destination: 'payment', rate: 0.02, routes: ['/charges'] },
  { source: 'checkout', destination: 'cart', rate: 0.02, routes: ['/carts/{id}'] },
  { source: 'checkout', destination: 'email', rate: 0.02, routes: ['/messages'] },
  { source: 'ads', destination: 'catalog', rate: 0.03, routes: ['/products/{id}'] },
  { source: 'recommendation', destination: 'catalog', rate: 0.04, routes: ['/products'] },
  { source: 'frontend', destination: 'recommendation', rate: 0.04, routes: ['/recommendations'] },
  { source: 'reporting', destination: 'ledger', rate: 0.2, routes: ['/entries'], hour: 2 },
  { source: 'payment', destination: 'ledger', rate: 0.02, routes: ['/entries'] },
]

const SERVICES = [...new Set(EDGES.flatMap(({ source, destination }) => [source, destination]))]

export function address(service: string, pod = 0): string {
  return `10.0.${SERVICES.indexOf(service)}.${pod + 1}`
}

export interface WorldOptions {
  seed?: number
  durationUs: number
  from?: number
}

/** One call as both proxies report it. */
export function exchange(
  source: string,
  destination: string,
  end: number,
  random: () => number,
  change: Partial<Call> & { gapUs?: number; destinationOnly?: Partial<Call>; sourceOnly?: Partial<Call> } = {},
): Call[] {
  const { gapUs = 380 + Math.round(90 * Math.abs(normal(random))), destinationOnly, sourceOnly, ...both } = change
  const durationUs = both.durationUs ?? Math.round(8000 * Math.exp(0.35 * normal(random)))
  const common: Partial<Call> = {
    sourceIdentity: identity(source),
    sourceIdentityOrigin: 'record',
    sourceWorkload: source,
    sourceWorkloadOrigin: 'inventory',
    sourceNamespace: 'shop',
    sourceAddress: address(source),
    sourceAddressIdentity: identity(source),
    destinationService: `${destination}.shop`,
    destinationServiceOrigin: 'record',
    destinationIdentity: identity(destination),
    destinationIdentityOrigin: 'record',
    destinationNamespace: 'shop',
    protocol: 'http',
    method: 'GET',
    route: '/',
    path: '/',
    status: 200,
    outcome: 'ok',
    tlsState: 'mutual',
    decision: 'allowed',
    attempts: 1,
    durationStepUs: 1,
    requestId: Math.floor(random() * 2 ** 48).toString(16) + Math.floor(random() * 2 ** 48).toString(16),
    ...both,
  }
  const outer = durationUs + gapUs
  return [
    call({ ...common, reporter: 'source', start: end - outer, end, durationUs: outer, ...sourceOnly }),
    call({
      ...common,
      reporter: 'destination',
      start: end - durationUs - Math.floor(gapUs / 2),
      end: end - Math.floor(gapUs / 2),
      durationUs,
      tlsPeerIssuer: 'CN=root',
      ...destinationOnly,
    }),
  ]
}

/** Ordinary life, minute by minute. */
export function ordinary(options: WorldOptions): Call[] {
  const { durationUs, from = START, seed = 1 } = options
  const random = seeded(seed)
  const calls: Call[] = []
  const load = new Map(SERVICES.map((service) => [service, 0]))
  for (let at = from; at < from + durationUs; at += MINUTE) {
    for (const service of SERVICES) load.set(service, 0.9 * load.get(service)! + 0.08 * normal(random))
    for (const edge of EDGES) {
      const count = poisson(edge.rate * 60 * rhythm(at, edge), random)
      for (let i = 0; i < count; i += 1) {
        const end = Math.round(at + random() * MINUTE)
        // A deploy at noon of each day: new pods, new addresses, the same identities.
        const pod = Math.floor((end - START + 12 * HOUR) / DAY) % 200
        const luck = random()
        const status = luck < 0.002 ? 500 : luck < 0.01 ? 404 : luck < 0.012 ? 403 : 200
        const route = edge.routes[Math.floor(random() * edge.routes.length)]!
        calls.push(
          ...exchange(edge.source, edge.destination, end, random, {
            route,
            path: route,
            status,
            outcome: status === 200 ? 'ok' : status === 500 ? 'server_error' : 'client_error',
            sourceAddress: address(edge.source, pod),
            durationUs: Math.round(8000 * Math.exp(load.get(edge.destination)! + 0.35 * normal(random))),
            // Rotated every twelve hours, old and new side by side.
            tlsPeerSerial: `${edge.source}-${Math.floor(end / (12 * HOUR))}`,
          }),
        )
        if (random() < 0.05) calls.push(handshake(edge.source, edge.destination, end))
      }
    }
  }
  return calls
}

/** The destination listener's record of one connection. */
export function handshake(source: string, destination: string, end: number, change: Partial<Call> = {}): Call {
  const failed = change.tlsFailure !== undefined
  return call({
    kind: 'connection',
    reporter: 'destination',
    sourceIdentity: failed ? '' : identity(source),
    sourceIdentityOrigin: failed ? 'none' : 'record',
    sourceWorkload: source,
    sourceWorkloadOrigin: 'inventory',
    sourceNamespace: 'shop',
    sourceAddress: address(source),
    sourceAddressIdentity: identity(source),
    destinationService: `${destination}.shop`,
    destinationNamespace: 'shop',
    tlsState: failed ? 'unknown' : 'mutual',
    tlsRejectedBy: failed ? 'destination' : '',
    tlsPeerIssuer: failed ? '' : 'CN=root',
    outcome: failed ? 'tls_failure' : 'ok',
    start: end - 2000,
    end,
    durationUs: 2000,
    ...change,
  })
}

export const ATTACKS = {
  denialBurst: (at: number): Call[] =>
    repeat(90, at, MINUTE, (end, random) =>
      exchange('frontend', 'auth', end, random, {
        method: 'DELETE',
        route: '/session',
        path: '/session',
        status: 403,
        decision: 'denied',
        outcome: 'client_error',
        destinationOnly: {
          outcome: 'denied',
          denialKind: 'rbac',
          denialPolicy: 'shop/deny-admin',
          denialRule: '0',
        },
      }),
    ),
  scan: (at: number): Call[] =>
    SERVICES.filter((service) => service !== 'ads').flatMap((destination, i) =>
      exchange('ads', destination, at + i * 300_000, seeded(i), {
        status: 403,
        decision: 'denied',
        outcome: 'client_error',
        destinationOnly: { outcome: 'denied', denialKind: 'rbac', denialPolicy: 'default' },
      }),
    ),
  impostor: (at: number): Call[] =>
    repeat(8, at, MINUTE, (end) => [
      handshake('ads', 'payment', end, {
        ...STRANGER,
        tlsFailure: 'unknown_ca',
        tlsDetail: 'unable to get local issuer certificate',
      }),
    ]),
  expired: (at: number): Call[] =>
    repeat(12, at, 2 * MINUTE, (end, random) => [
      handshake('recommendation', 'catalog', end, { tlsFailure: 'expired', tlsDetail: 'certificate has expired' }),
      exchange('recommendation', 'catalog', end, random, {
        status: 503,
        outcome: 'tls_failure',
        tlsState: 'unknown',
        tlsFailure: 'expired',
        tlsRejectedBy: 'destination',
        route: '/products',
        path: '/products',
      })[0]!,
    ]),
  outsideGraph: (at: number): Call[] =>
    repeat(5, at, MINUTE, (end, random) =>
      exchange('email', 'ledger', end, random, {
        route: '/entries',
        path: '/entries',
        decision: 'denied',
        decisionReason: 'no ALLOW policy of shop/ledger matches',
      }),
    ),
  stolen: (at: number): Call[] =>
    repeat(6, at, MINUTE, (end, random) => [
      exchange('checkout', 'payment', end, random, {
        route: '/charges',
        path: '/charges',
        sourceWorkload: 'recommendation',
        sourceAddress: address('recommendation'),
        sourceAddressIdentity: identity('recommendation'),
        tlsPeerSerial: '66',
      })[1]!,
    ]),
}

const STRANGER: Partial<Call> = {
  sourceWorkload: '',
  sourceWorkloadOrigin: 'none',
  sourceNamespace: '',
  sourceAddress: '10.42.9.66',
  sourceAddressIdentity: '',
}

/** Something that adds `us` to every call of a pair from `from` on. */
export function intercept(calls: Call[], source: string, destination: string, from: number, us: number): Call[] {
  return calls.map((one) =>
    one.reporter === 'source' &&
    one.kind === 'request' &&
    one.sourceWorkload === source &&
    one.destinationService === `${destination}.shop` &&
    one.end >= from
      ? { ...one, durationUs: one.durationUs + us, start: one.start - us }
      : one,
  )
}

function repeat(count: number, at: number, over: number, make: (end: number, random: () => number) => Call[]): Call[] {
  const random = seeded(count)
  return Array.from({ length: count }, (_, i) => make(Math.round(at + ((i + 0.5) * over) / count), random)).flat()
}

function rhythm(at: number, { hour }: Edge): number {
  const hours = ((at - START) % DAY) / HOUR
  if (hour !== undefined) return Math.floor(hours) === hour ? 1 : 0
  return 1 + 0.6 * Math.sin(((hours - 8) / 24) * 2 * Math.PI)
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function poisson(mean: number, random: () => number): number {
  let count = 0
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) count += 1
  return count
}
