/** What is done to the mesh in each scenario. The assertions on what the sidecars then report are in scenarios.ts. */
import { setTimeout as delay } from 'node:timers/promises'
import { canonicalIdentity } from '../../core/identity.ts'
import { ENVOY_VERSION } from './binary.ts'
import { grpcCall, httpCall, httpCalls, tcpCall } from './clients.ts'
import type { Facts, Recording } from './fixture.ts'
import type { Mesh } from './mesh.ts'
import type { PodName } from './pods.ts'
import { countRecords } from './sink.ts'

export const DENIALS = 1000
export const GAP_CALLS = 40
/** Longer than a kept connection's idle time and the log's flush: what comes later belongs to nobody. */
const QUIET_MS = 1000
const ARRIVAL_TIMEOUT_MS = 10_000

/** Answers the callers got: HTTP status, gRPC status or text, by how often. */
export type Answers = Record<string, number>

interface Drive {
  /** Calls made by applications; a chain is as many as it has links. */
  calls: number
  /** Records that are waited for at least. */
  records: number
  requestId?: string
  aside?: true
  run(mesh: Mesh, requestId: string): Promise<Answers>
}

const CART = 'cart.shop:8080'

async function get(mesh: Mesh, from: PodName, to: PodName, path: string, requestId = ''): Promise<Answers> {
  const authority = `${mesh.pods[to].service}.shop:8080`
  return { [await httpCall(mesh.through(from, to, 8080), { path, authority, requestId })]: 1 }
}

/** A client whose certificate cart refuses. */
function badClient(from: PodName, subset?: 'tls12'): Drive {
  const call = { path: '/items', authority: CART }
  return {
    calls: 1,
    records: 2,
    run: async (mesh) => ({ [await httpCall(mesh.through(from, 'cart', 8080, subset), call)]: 1 }),
  }
}

/** A call to the Envoy that is configured without Istio's names. */
function plainEnvoy(from: PodName, path: string, records: number): Drive {
  const call = { path, authority: 'vault.shop.svc.cluster.local:8080' }
  return { calls: 1, records, run: async (mesh) => ({ [await httpCall(mesh.through(from, 'vault', 8080), call)]: 1 }) }
}

function badServer(to: PodName, records = 2): Drive {
  return { calls: 1, records, run: (mesh) => get(mesh, 'web', to, '/items') }
}

/** Bytes from a pod without a sidecar, straight to the other pod's port. */
async function unmeshed(mesh: Mesh, to: PodName, text: string): Promise<Answers> {
  const target = { host: mesh.pods[to].address, port: 8080, from: mesh.pods.bare.address }
  return { [(await tcpCall(target, text)).slice(0, 12)]: 1 }
}

const PLAIN_GET = 'GET /items HTTP/1.1\r\nhost: cart.shop:8080\r\n\r\n'

const DRIVES = {
  slow_call: { calls: 1, records: 2, aside: true, run: (mesh) => get(mesh, 'report', 'batch', '/slow') },
  allowed_http: { calls: 1, records: 3, run: (mesh) => get(mesh, 'web', 'cart', '/items/42?token=secret') },
  allowed_grpc: {
    calls: 1,
    records: 3,
    run: async (mesh) => ({ [await grpcCall(mesh.through('web', 'cart', 9090), '/shop.Cart/Get')]: 1 }),
  },
  allowed_tcp: {
    calls: 1,
    records: 3,
    run: async (mesh) => ({ [await tcpCall(mesh.through('cart', 'db', 5432), 'ping\n')]: 1 }),
  },
  application_forbids: { calls: 1, records: 3, run: (mesh) => get(mesh, 'web', 'cart', '/forbidden') },
  denied_http: { calls: 1, records: 3, run: (mesh) => get(mesh, 'web', 'cart', '/admin/users') },
  denied_by_default: { calls: 1, records: 3, run: (mesh) => get(mesh, 'web', 'pay', '/charge') },
  denied_grpc: {
    calls: 1,
    records: 3,
    run: async (mesh) => ({ [await grpcCall(mesh.through('web', 'cart', 9090), '/shop.Cart/Delete')]: 1 }),
  },
  denied_tcp: {
    calls: 1,
    records: 3,
    run: async (mesh) => ({ [await tcpCall(mesh.through('web', 'db', 5432), 'ping\n')]: 1 }),
  },
  client_expired: badClient('legacy'),
  client_unknown_ca: badClient('rogue'),
  client_no_certificate: badClient('guest'),
  client_wrong_san: badClient('partner'),
  client_expired_tls12: badClient('legacy', 'tls12'),
  client_unknown_ca_tls12: badClient('rogue', 'tls12'),
  client_no_certificate_tls12: badClient('guest', 'tls12'),
  client_wrong_san_tls12: badClient('partner', 'tls12'),
  server_wrong_san: badServer('quote'),
  server_expired: badServer('stale'),
  server_plaintext: badServer('bare', 1),
  plaintext_to_strict: { calls: 1, records: 1, run: (mesh) => unmeshed(mesh, 'cart', PLAIN_GET) },
  plaintext_to_tls: { calls: 1, records: 1, run: (mesh) => unmeshed(mesh, 'vault', PLAIN_GET) },
  plain_envoy_allowed: plainEnvoy('kiosk', '/items', 3),
  plain_envoy_denied: plainEnvoy('kiosk', '/admin/keys', 3),
  plain_envoy_client_expired: plainEnvoy('legacy', '/items', 2),
  upstream_down: badServer('gone', 1),
  application_down: badServer('broken', 3),
  denied_1000: {
    calls: DENIALS,
    records: 2 * DENIALS + 1,
    requestId: 'constant-0000-0000-0000-000000000000',
    run: (mesh, requestId) =>
      httpCalls(mesh.through('web', 'cart', 8080), { path: '/admin/users', authority: CART, requestId }, DENIALS),
  },
  retried: {
    calls: 1,
    records: 7,
    requestId: 'retried0-0000-0000-0000-000000000000',
    run: (mesh, requestId) => get(mesh, 'web', 'cart', '/flaky', requestId),
  },
  chain: {
    calls: 2,
    records: 6,
    requestId: 'chain000-0000-0000-0000-000000000000',
    run: (mesh, requestId) => get(mesh, 'web', 'cart', '/chain', requestId),
  },
  added_delay: {
    calls: 2 * GAP_CALLS,
    records: 4 * GAP_CALLS + 2,
    async run(mesh) {
      const answers: Answers = {}
      for (let call = 0; call < GAP_CALLS; call += 1) {
        for (const from of ['web', 'web2'] as const) {
          const status = await httpCall(mesh.through(from, 'cart', 8080), { path: '/items', authority: CART })
          answers[status] = (answers[status] ?? 0) + 1
        }
      }
      return answers
    },
  },
} satisfies Record<string, Drive>

export type ScenarioName = keyof typeof DRIVES
export const SCENARIO_NAMES = Object.keys(DRIVES) as ScenarioName[]

/** Drives every scenario, one after the other but for the slow one, which runs beside them. */
export async function driveAll(mesh: Mesh): Promise<Record<ScenarioName, Recording>> {
  const done: Partial<Record<ScenarioName, Recording>> = {}
  const entries = Object.entries(DRIVES) as [ScenarioName, Drive][]
  const beside = entries.filter(([, d]) => d.aside).map(async ([name, d]) => (done[name] = await drive(mesh, name, d)))
  for (const [name, d] of entries) if (!d.aside) done[name] = await drive(mesh, name, d)
  await Promise.all(beside)
  return done as Record<ScenarioName, Recording>
}

async function drive(
  mesh: Mesh,
  name: ScenarioName,
  { calls, records, requestId, aside, run }: Drive,
): Promise<Recording> {
  const sink = aside ? mesh.sinkAside : mesh.sink
  const start = Date.now() * 1000
  const answers = await run(mesh, requestId ?? '').catch((cause: unknown) => {
    throw new Error(`driving ${name} failed`, { cause })
  })
  const end = Date.now() * 1000
  const deadline = Date.now() + ARRIVAL_TIMEOUT_MS
  const bodies: Buffer[] = []
  let quietSince = Date.now()
  let got = 0
  while (Date.now() < deadline && (got < records || Date.now() - quietSince < QUIET_MS)) {
    await delay(50)
    const more = sink.take()
    if (more.length > 0) quietSince = Date.now()
    bodies.push(...more)
    got += more.reduce((sum, body) => sum + countRecords(body), 0)
  }
  const facts: Facts = {
    scenario: name,
    proxy: `envoy ${ENVOY_VERSION}`,
    start,
    end,
    calls,
    requestId: requestId ?? '',
    answers,
    records: got,
    pods: {},
  }
  for (const pod of Object.values(mesh.pods)) {
    facts.pods[pod.name] = {
      service: pod.service,
      address: pod.address,
      identity: canonicalIdentity(pod.uri),
      serial: mesh.serials[pod.name] ?? '',
    }
  }
  return { facts, bodies }
}
