/**
 * What Eastwatch must have understood of each scenario, over the calls it read. Executed on a live mesh (live.test.ts) and on what
 * was recorded of one (fixtures.test.ts).
 */
import { expect } from 'vitest'
import type { Call } from '../../core/call.ts'
import { ADDED_DELAY_MS, SLOW_CALL_MS } from './apps.ts'
import { DENIALS, GAP_CALLS, type ScenarioName } from './drive.ts'
import type { Facts } from './fixture.ts'
import { NAMESPACE, type PodName, TRUST_DOMAIN } from './pods.ts'

type Expected = Partial<Call>
type Check = (calls: readonly Call[], facts: Facts) => void

/** Records by who reports what. Whatever is not looked for must not be there: each call is counted once on each side. */
function bySide(calls: readonly Call[]): Record<'source' | 'destination' | 'connections', Call[]> {
  const requests = calls.filter((call) => call.kind === 'request')
  return {
    source: requests.filter((call) => call.reporter === 'source'),
    destination: requests.filter((call) => call.reporter === 'destination'),
    connections: calls.filter((call) => call.kind === 'connection'),
  }
}

/** What holds of any record of a call from one pod to another, whoever reports it. */
function between(facts: Facts, from: PodName, to: PodName): Expected {
  const [source, destination] = [facts.pods[from]!, facts.pods[to]!]
  return {
    sourceAddress: source.address,
    destinationService: `${destination.service}.${NAMESPACE}`,
    destinationServiceOrigin: 'record',
  }
}

/** Names that only a completed mTLS handshake gives. */
function proven(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    sourceIdentity: facts.pods[from]!.identity,
    sourceIdentityOrigin: 'record',
    sourceNamespace: NAMESPACE,
    destinationIdentity: facts.pods[to]!.identity,
    destinationIdentityOrigin: 'record',
    destinationNamespace: NAMESPACE,
    tlsState: 'mutual',
    tlsVersion: 'TLSv1.3',
    tlsFailure: '',
    tlsRejectedBy: '',
  }
}

/** What only the caller's proxy knows. */
function asSource(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    ...between(facts, from, to),
    reporter: 'source',
    reporterPod: `${from}-0`,
    sourceService: `${facts.pods[from]!.service}.${NAMESPACE}`,
    attempts: 1,
  }
}

/** What only the callee's proxy knows: the certificate it verified. */
function asDestination(facts: Facts, from: PodName, to: PodName): Expected {
  return {
    ...between(facts, from, to),
    ...proven(facts, from, to),
    reporter: 'destination',
    reporterPod: `${to}-0`,
    destinationAddress: facts.pods[to]!.address,
    tlsPeerSerial: facts.pods[from]!.serial,
    tlsPeerIssuer: `O=${TRUST_DOMAIN}`,
  }
}

function expectOne(calls: readonly Call[], expected: Expected): void {
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject(expected)
}

function expectNoDenial(calls: readonly Call[]): void {
  for (const call of calls) expect(call).toMatchObject({ denialKind: '', denialPolicy: '', denialRule: '' })
}

/** A handshake that succeeded: the listener's record. It is a connection, never a second call, whatever became of the call. */
const GOOD_HANDSHAKE: Expected = { reporter: 'destination', outcome: 'ok', tlsFailure: '', denialKind: '' }

interface Both {
  source: Expected
  destination: Expected
}

/** One call over mTLS that both proxies report, on one connection. */
function oneCall(from: PodName, to: PodName, { source, destination }: Both): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expectOne(side.source, { ...asSource(facts, from, to), ...proven(facts, from, to), ...source })
    expectOne(side.destination, { ...asDestination(facts, from, to), ...destination })
    expectOne(side.connections, { ...asDestination(facts, from, to), ...GOOD_HANDSHAKE })
    expectNoDenial(side.source)
    expect(side.destination[0]!.tlsPeerNotAfter).toBeGreaterThan(facts.end)
    for (const call of calls) expectInside(call, facts)
  }
}

/** Start and end lie in the time the scenario was driven, clocks being read by different programs. */
function expectInside(call: Call, facts: Facts): void {
  const slackUs = 5000
  expect(call.start).toBeGreaterThan(facts.start - slackUs)
  expect(call.end).toBe(call.start + call.durationUs)
  if (call.kind === 'request') expect(call.end).toBeLessThan(facts.end + slackUs)
}

const HTTP: Expected = { protocol: 'http', method: 'GET', grpcStatus: -1, durationStepUs: 1 }
const GRPC: Expected = { protocol: 'grpc', method: 'POST', status: 200 }
const TCP: Expected = { protocol: 'tcp', method: '', path: '', status: 0, durationStepUs: 1000 }

const both = (expected: Expected): Both => ({ source: expected, destination: expected })

/** A denial: the destination says so, the source only has a copy of the answer. */
function denied(kind: Call['denialKind'], policy: string, shape: Expected, copy: Expected): Both {
  const rule = policy.includes('/') ? '0' : ''
  return {
    source: { ...shape, ...copy },
    destination: { ...shape, outcome: 'denied', denialKind: kind, denialPolicy: policy, denialRule: rule },
  }
}

const FORBIDDEN: Expected = { ...HTTP, status: 403 }

/** The server refused the client's certificate: its listener knows why; no identity is believed. */
function refusedClient(from: PodName, failure: Call['tlsFailure'], client: Expected, to: PodName = 'cart'): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expectOne(side.source, { ...asSource(facts, from, to), status: 503, denialKind: '', ...client })
    expect(side.source[0]!.outcome).not.toBe('ok')
    expect(side.destination).toEqual([])
    expectOne(side.connections, {
      ...between(facts, from, to),
      reporter: 'destination',
      outcome: 'tls_failure',
      tlsFailure: failure,
      tlsRejectedBy: 'destination',
      sourceIdentity: '',
      sourceIdentityOrigin: 'none',
      tlsPeerSerial: facts.pods[from]!.serial,
    })
  }
}

/** TLS 1.3: the client is not told why. */
const UNTOLD: Expected = { tlsFailure: '', responseFlags: 'UC' }
/** TLS 1.2: an alert says why, and who. */
function alerted(failure: Call['tlsFailure']): Expected {
  return { outcome: 'tls_failure', tlsFailure: failure, tlsRejectedBy: 'destination' }
}

/** The client refused the server's certificate; the server hears an alert. */
function refusedServer(to: PodName, failure: Call['tlsFailure']): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    const refused: Expected = { outcome: 'tls_failure', tlsFailure: failure, tlsRejectedBy: 'source' }
    const own = { ...asSource(facts, 'web', to), ...refused }
    expectOne(side.source, {
      ...own,
      status: 503,
      destinationIdentity: '',
      destinationAddress: facts.pods[to]!.address,
    })
    expect(side.destination).toEqual([])
    expectOne(side.connections, {
      ...between(facts, 'web', to),
      reporter: 'destination',
      sourceIdentity: '',
      ...refused,
    })
  }
}

/** Plaintext from a pod without a sidecar: one listener record, nothing else. */
function plaintext(to: PodName, failure: Call['tlsFailure']): Check {
  return (calls, facts) => {
    const side = bySide(calls)
    expect([side.source, side.destination]).toEqual([[], []])
    expectOne(side.connections, {
      ...between(facts, 'bare', to),
      reporter: 'destination',
      outcome: 'tls_failure',
      tlsFailure: failure,
      tlsRejectedBy: 'destination',
      tlsState: 'plaintext',
      tlsVersion: '',
      sourceIdentity: '',
      destinationAddress: facts.pods[to]!.address,
    })
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

export const CHECKS: Record<ScenarioName, Check> = {
  allowed_http: oneCall(
    'web',
    'cart',
    both({ ...HTTP, path: '/items/42', authority: 'cart.shop:8080', status: 200, outcome: 'ok' }),
  ),
  allowed_grpc: oneCall('web', 'cart', both({ ...GRPC, path: '/shop.Cart/Get', grpcStatus: 0, outcome: 'ok' })),
  allowed_tcp: oneCall('cart', 'db', both({ ...TCP, outcome: 'ok' })),
  // The application's own 403 is no denial of the mesh.
  application_forbids: oneCall('web', 'cart', both({ ...FORBIDDEN, outcome: 'client_error', denialKind: '' })),
  denied_http: oneCall('web', 'cart', denied('rbac', 'shop/deny-admin', FORBIDDEN, { outcome: 'client_error' })),
  denied_by_default: oneCall('web', 'pay', denied('rbac', 'default', FORBIDDEN, { outcome: 'client_error' })),
  denied_grpc: oneCall(
    'web',
    'cart',
    denied(
      'rbac',
      'shop/deny-delete',
      { ...GRPC, path: '/shop.Cart/Delete', grpcStatus: 7 },
      { outcome: 'client_error' },
    ),
  ),
  denied_tcp: oneCall('web', 'db', denied('network_rbac', 'shop/deny-web-db', TCP, { denialKind: '' })),

  client_expired: refusedClient('legacy', 'expired', UNTOLD),
  client_unknown_ca: refusedClient('rogue', 'unknown_ca', UNTOLD),
  client_no_certificate: refusedClient('guest', 'missing_client_cert', UNTOLD),
  client_wrong_san: refusedClient('partner', 'san_mismatch', UNTOLD),
  client_expired_tls12: refusedClient('legacy', 'expired', alerted('expired')),
  client_unknown_ca_tls12: refusedClient('rogue', 'unknown_ca', alerted('unknown_ca')),
  client_no_certificate_tls12: refusedClient('guest', 'missing_client_cert', alerted('missing_client_cert')),
  client_wrong_san_tls12: refusedClient('partner', 'san_mismatch', alerted('san_mismatch')),
  server_wrong_san: refusedServer('quote', 'san_mismatch'),
  server_expired: refusedServer('stale', 'expired'),
  server_plaintext(calls, facts) {
    const refused: Expected = { outcome: 'tls_failure', tlsFailure: 'plaintext_peer', tlsRejectedBy: 'source' }
    expectOne(calls, { kind: 'request', ...asSource(facts, 'web', 'bare'), ...refused, status: 503 })
  },
  plaintext_to_strict: plaintext('cart', 'plaintext_to_strict'),
  plaintext_to_tls: plaintext('vault', 'plaintext_to_tls'),

  plain_envoy_allowed: oneCall('kiosk', 'vault', both({ ...HTTP, path: '/items', status: 200, outcome: 'ok' })),
  plain_envoy_denied: oneCall('kiosk', 'vault', denied('rbac', 'no-admin', FORBIDDEN, { outcome: 'client_error' })),
  plain_envoy_client_expired: refusedClient('legacy', 'expired', UNTOLD, 'vault'),

  upstream_down(calls, facts) {
    const failed: Expected = { outcome: 'connect_failure', tlsFailure: '', status: 503 }
    expectOne(calls, { kind: 'request', ...asSource(facts, 'web', 'gone'), ...failed })
  },
  application_down: oneCall('web', 'broken', {
    source: { ...HTTP, status: 503, outcome: 'server_error' },
    destination: { ...HTTP, status: 503, outcome: 'server_error' },
  }),

  slow_call(calls, facts) {
    oneCall('report', 'batch', both({ ...HTTP, path: '/slow', status: 200, outcome: 'ok' }))(calls, facts)
    for (const call of calls) {
      expect(call.durationUs).toBeGreaterThanOrEqual((SLOW_CALL_MS - 5) * 1000)
      expect(call.end - facts.start).toBeGreaterThanOrEqual((SLOW_CALL_MS - 5) * 1000)
    }
  },

  denied_1000(calls, facts) {
    const side = bySide(calls)
    expect(facts.answers).toEqual({ 403: DENIALS })
    expect([side.source.length, side.destination.length]).toEqual([DENIALS, DENIALS])
    const expected = denied(
      'rbac',
      'shop/deny-admin',
      { ...FORBIDDEN, requestId: facts.requestId },
      { outcome: 'client_error' },
    )
    const [source, destination] = [asSource(facts, 'web', 'cart'), asDestination(facts, 'web', 'cart')]
    for (const call of side.source) expect(call).toMatchObject({ ...source, ...expected.source })
    for (const call of side.destination) expect(call).toMatchObject({ ...destination, ...expected.destination })
    expectNoDenial([...side.source, ...side.connections])
  },

  retried(calls, facts) {
    const side = bySide(calls)
    const request: Expected = { ...HTTP, path: '/flaky', requestId: facts.requestId }
    expectOne(side.source, { ...asSource(facts, 'web', 'cart'), ...request, status: 200, outcome: 'ok', attempts: 3 })
    expect(side.destination).toHaveLength(3)
    for (const call of side.destination)
      expect(call).toMatchObject({ ...asDestination(facts, 'web', 'cart'), ...request })
    const inOrder = side.destination.sort((a, b) => a.start - b.start).map((call) => [call.status, call.outcome])
    const failed = [503, 'server_error']
    expect(inOrder).toEqual([failed, failed, [200, 'ok']])
  },

  chain(calls, facts) {
    const one = (from: PodName, to: PodName, path: string): void => {
      const both: Expected = { ...HTTP, path, requestId: facts.requestId, status: 200, outcome: 'ok' }
      const link = calls.filter((call) => call.destinationService === `${to}.${NAMESPACE}`)
      oneCall(from, to, { source: both, destination: both })(link, facts)
    }
    one('web', 'cart', '/chain')
    one('cart', 'pay', '/charge')
    expect(calls).toHaveLength(6)
  },

  added_delay(calls, facts) {
    const side = bySide(calls)
    expect([side.source.length, side.destination.length]).toEqual([2 * GAP_CALLS, 2 * GAP_CALLS])
    const gapFrom = (from: PodName): number => {
      const source = side.source.filter((call) => call.reporterPod === `${from}-0`)
      for (const call of source) expect(call).toMatchObject({ ...asSource(facts, from, 'cart'), durationStepUs: 1 })
      const answered = new Map(side.destination.map((call) => [call.requestId, call]))
      return median(source.map((call) => call.durationUs - answered.get(call.requestId)!.durationUs))
    }
    // Request and answer each pass the device once.
    const added = gapFrom('web2') - gapFrom('web')
    expect(added).toBeGreaterThan(2 * ADDED_DELAY_MS * 1000 - 1000)
    expect(added).toBeLessThan(2 * ADDED_DELAY_MS * 1000 + 10_000)
  },
}
