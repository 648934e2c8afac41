/** The planted attacks: what each does to the traffic, and the incident that must come of it. */
import {
  type AccessLog,
  type Certificate,
  connectionRecord,
  destinationRecord,
  type Exchange,
  refusedSourceRecord,
  sourceRecord,
} from './access-log.ts'
import type { Random } from './random.ts'
import { EDGES, identityUri, type Pod, SERVICES } from './shop.ts'
import type { Traffic } from './traffic.ts'

const MINUTE_US = 60_000_000

/** What the incident of an attack must look like. Texts must be equal where given, patterns must match. */
export interface Expected {
  detector: string
  kind: RegExp
  source?: string
  destination?: string
  verdict?: RegExp
}

export interface Attack {
  name: string
  /** What the attacker does, for the reader of the demo. */
  story: string
  /** Start and end, relative to the first attack. */
  fromUs: number
  untilUs: number
  expected: Expected
  /** Records it adds for [fromUs, toUs), simulated time. */
  records(context: Context, fromUs: number, toUs: number): AccessLog[]
  /** Changes ordinary records of that time, where the attack is in their way. */
  tamper?(record: Exchange): void
}

export interface Context {
  traffic: Traffic
  random: Random
}

const POLICY = (service: string) => `rbac_access_denied_matched_policy[ns[shop]-policy[${service}]-rule[0]]`
const DEFAULT_DENY = 'rbac_access_denied_matched_policy[none]'

function verifyFailed(detail: string): string {
  return `TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_${detail}:TLS_error_end`
}

/** Times spread evenly over what is left of an attack in this minute. */
function* times(count: number, fromUs: number, toUs: number): Generator<number> {
  for (let i = 0; i < count; i += 1) yield fromUs + ((i + 0.5) * (toUs - fromUs)) / count
}

function both(exchange: Exchange): AccessLog[] {
  return [sourceRecord(exchange), destinationRecord(exchange)]
}

/** A pod that no inventory knows. */
const STRANGER = '10.42.9.66'

export const ATTACKS: readonly Attack[] = [
  {
    name: 'denial burst',
    story: 'the frontend tries to delete sessions at auth, again and again, and is refused',
    fromUs: 0,
    untilUs: 2 * MINUTE_US,
    expected: {
      detector: 'denial_spike',
      kind: /rate|absolute/,
      source: 'frontend',
      destination: 'auth.shop',
      verdict: /deny-admin/,
    },
    records({ traffic }, fromUs, toUs) {
      const route = { method: 'DELETE', path: '/session', weight: 1 }
      return [...times(90, fromUs, toUs)].flatMap((at) => {
        const change = { status: 403, details: POLICY('deny-admin'), durationUs: 400 }
        return both(traffic.call(traffic.pod('frontend', at), traffic.pod('auth', at), route, at, change))
      })
    },
  },
  {
    name: 'scan',
    story: 'a pod of ads tries every service once, to see which doors are open',
    fromUs: 6 * MINUTE_US,
    untilUs: 7 * MINUTE_US,
    expected: { detector: 'denial_spike', kind: /scan/, source: 'ads' },
    records({ traffic }, fromUs) {
      const pod = traffic.pod('ads', fromUs)
      const targets = Object.keys(SERVICES).filter((service) => service !== 'ads' && service !== 'frontend')
      return targets.flatMap((target, i) => {
        const change = { status: 403, details: DEFAULT_DENY, durationUs: 300 }
        const route = { method: 'GET', path: '/', weight: 1 }
        const at = fromUs + 5_000_000 + i * 300_000
        return both(traffic.call(pod, traffic.pod(target, fromUs), route, at, change))
      })
    },
  },
  {
    name: 'impostor certificate',
    story: 'an unknown machine presents a certificate of its own making to payment',
    fromUs: 12 * MINUTE_US,
    untilUs: 13 * MINUTE_US,
    expected: { detector: 'tls_failure', kind: /impostor/, destination: 'payment.shop', verdict: /unknown.?ca/i },
    records: ({ traffic, random }, fromUs, toUs) =>
      refusedConnections({
        count: 8,
        fromUs,
        toUs,
        destination: traffic.pod('payment', fromUs),
        sourceAddress: STRANGER,
        certificate: { identity: identityUri('checkout'), serial: '13', notAfter: '2036-01-01T00:00:00.000Z' },
        random,
        traffic,
        failure: verifyFailed(
          'X509_verify_cert:_certificate_verification_error_at_depth_0:_unable_to_get_local_issuer_certificate',
        ),
      }),
  },
  {
    name: 'expired certificate',
    story: 'one pod of shipping lost its issuing agent; the catalog refuses its old certificate',
    fromUs: 18 * MINUTE_US,
    untilUs: 20 * MINUTE_US,
    expected: {
      detector: 'tls_failure',
      kind: /expired|stale/,
      destination: 'catalog.shop',
      verdict: /expired|stale/i,
    },
    records({ traffic, random }, fromUs, toUs) {
      const source = traffic.pod('shipping', 0)
      const destination = traffic.pod('catalog', fromUs)
      // Renewed for the last time a day and a half ago.
      const certificate = traffic.certificate(source, fromUs - 36 * 60 * MINUTE_US)
      const refused = refusedConnections({
        count: 12,
        fromUs,
        toUs,
        destination,
        sourceAddress: source.address,
        certificate,
        random,
        traffic,
        failure: verifyFailed('X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired'),
      })
      const route = EDGES.find((edge) => edge.source === 'shipping' && edge.destination === 'catalog')!.routes[0]!
      const seen = [...times(12, fromUs, toUs)].map((at) =>
        refusedSourceRecord(traffic.call(source, destination, route, at, { durationUs: 3000, certificate })),
      )
      return [...refused, ...seen]
    },
  },
  {
    name: 'path never seen',
    story: 'email reads the ledger, which no policy allows, and is answered',
    fromUs: 24 * MINUTE_US,
    untilUs: 25 * MINUTE_US,
    expected: { detector: 'new_path', kind: /outside_graph/, source: 'email', destination: 'ledger.shop' },
    records: ({ traffic }, fromUs, toUs) =>
      [...times(5, fromUs, toUs)].flatMap((at) =>
        both(
          traffic.call(
            traffic.pod('email', at),
            traffic.pod('ledger', at),
            { method: 'GET', path: '/entries', weight: 1 },
            at,
          ),
        ),
      ),
  },
  {
    name: 'stolen identity',
    story: "checkout's valid certificate is used from a pod of recommendation",
    fromUs: 30 * MINUTE_US,
    untilUs: 31 * MINUTE_US,
    expected: { detector: 'tls_failure', kind: /stolen/, source: 'checkout', destination: 'payment.shop' },
    records({ traffic }, fromUs, toUs) {
      const thief = traffic.pod('recommendation', fromUs)
      const route = { method: 'POST', path: '/charges', weight: 1 }
      return [...times(6, fromUs, toUs)].map((at) =>
        destinationRecord(
          traffic.call(thief, traffic.pod('payment', at), route, at, {
            certificate: traffic.certificate(traffic.pod('checkout', at), at),
          }),
        ),
      )
    },
  },
  {
    name: 'interceptor',
    story: 'something sits between the frontend and the cart and adds six milliseconds',
    fromUs: 36 * MINUTE_US,
    untilUs: 48 * MINUTE_US,
    expected: { detector: 'latency_shift', kind: /delay|shift/, source: 'frontend', destination: 'cart.shop' },
    records: () => [],
    tamper(exchange) {
      if (exchange.source.service === 'frontend' && exchange.destination.service === 'cart') exchange.gapUs += 6000
    },
  },
]

/** From the first attack's start to the last one's end. */
export const ATTACKS_US = Math.max(...ATTACKS.map((attack) => attack.untilUs))

function refusedConnections(what: {
  count: number
  fromUs: number
  toUs: number
  destination: Pod
  sourceAddress: string
  certificate: Certificate
  failure: string
  random: Random
  traffic: Traffic
}): AccessLog[] {
  const { count, fromUs, toUs, destination, sourceAddress, certificate, failure, random, traffic } = what
  return [...times(count, fromUs, toUs)].map((at) =>
    connectionRecord({
      destination,
      sourceAddress,
      certificate,
      startUs: traffic.epochUs(at),
      durationUs: 2500,
      port: 32_768 + Math.floor(random.next() * 28_000),
      failure,
    }),
  )
}
