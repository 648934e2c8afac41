/**
 * What Eastwatch must have understood of each scenario, over the calls it read. Executed on a live mesh (live.test.ts) and on what
 * was recorded of one (fixtures.test.ts).
 */
import { expect } from 'vitest'
import { ADDED_DELAY_MS, SLOW_CALL_MS } from './apps.ts'
import { DENIALS, GAP_CALLS, type ScenarioName } from './drive.ts'
import {
  alerted,
  asDestination,
  asSource,
  both,
  bySide,
  type Check,
  denied,
  type Expected,
  expectNoDenial,
  expectOne,
  FORBIDDEN,
  GRPC,
  HTTP,
  oneCall,
  plaintext,
  refusedClient,
  refusedServer,
  TCP,
  UNTOLD,
} from './expected.ts'
import { NAMESPACE, type PodName } from './pods.ts'

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** As a client Envoy speaks TLS 1.2 unless told otherwise. */
const PLAIN: Expected = { ...HTTP, tlsVersion: 'TLSv1.2' }

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

  plain_envoy_allowed: oneCall('kiosk', 'vault', both({ ...PLAIN, path: '/items', status: 200, outcome: 'ok' })),
  plain_envoy_denied: oneCall(
    'kiosk',
    'vault',
    denied('rbac', 'no-admin', { ...PLAIN, status: 403 }, { outcome: 'client_error' }),
  ),
  plain_envoy_client_expired: refusedClient('legacy', 'expired', alerted('expired'), 'vault'),

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
