/** Ordinary life in the shop: daily rhythm, autocorrelated load, a deploy, a nightly batch, certificates that rotate. */
import {
  type AccessLog,
  type Certificate,
  connectionRecord,
  destinationRecord,
  type Exchange,
  sourceRecord,
} from './access-log.ts'
import type { Random } from './random.ts'
import { EDGES, type Edge, identityUri, PODS, type Pod, type Route, SERVICES } from './shop.ts'

const HOUR_US = 3_600_000_000
const DAY_US = 24 * HOUR_US
/** Workload certificates live a day and are renewed at half of it, each pod at its own minute: a clean rotation. */
const CERTIFICATE_US = 12 * HOUR_US

/** What lies between two proxies on an ordinary day: network and two socket hand-overs. */
function ordinaryGapUs(random: Random): number {
  return Math.round(380 + Math.abs(random.normal()) * 90)
}

export class Traffic {
  readonly #random: Random
  readonly #originUs: number
  /** Slow common load per destination: AR(1), a step a minute. */
  readonly #load = new Map<string, number>()

  constructor(random: Random, originUs: number) {
    this.#random = random
    this.#originUs = originUs
  }

  /** Records of all calls that end in [fromUs, toUs), simulated time since the start; `tamper` is in the way of each. */
  minute(fromUs: number, toUs: number, tamper: (exchange: Exchange) => void): AccessLog[] {
    const records: AccessLog[] = []
    for (const service of Object.keys(SERVICES)) {
      this.#load.set(service, 0.9 * (this.#load.get(service) ?? 0) + 0.06 * this.#random.normal())
    }
    for (const edge of EDGES) {
      const mean = edge.rate * daily(fromUs, edge) * ((toUs - fromUs) / 1e6)
      for (let left = this.#random.poisson(mean); left > 0; left -= 1) {
        this.#exchange(edge, fromUs + this.#random.next() * (toUs - fromUs), tamper, records)
      }
    }
    return records
  }

  pod(service: string, atUs: number): Pod {
    const alive = PODS.filter((pod) => pod.service === service && pod.from <= atUs && atUs < pod.until)
    return alive[Math.floor(this.#random.next() * alive.length)]!
  }

  /** Simulated time since the start as epoch microseconds. */
  epochUs(atUs: number): number {
    return this.#originUs + Math.round(atUs)
  }

  /** The certificate a pod shows at that time. */
  certificate(pod: Pod, atUs: number): Certificate {
    // Each pod renews at its own minute.
    const phase = Number(pod.address.split('.')[3]) * 60_000_000
    const generation = Math.floor((atUs + phase) / CERTIFICATE_US)
    const notAfterUs = this.#originUs - phase + (generation + 2) * CERTIFICATE_US
    return {
      identity: identityUri(pod.service),
      serial: `${pod.address.replaceAll('.', '')}${generation}`,
      notAfter: new Date(notAfterUs / 1000).toISOString(),
    }
  }

  /** A call along an edge that ends at `endUs`, with whatever `change` makes of it. */
  call(source: Pod, destination: Pod, route: Route, endUs: number, change: Partial<Exchange> = {}): Exchange {
    const base = SERVICES[destination.service]! * 1000
    const load = Math.exp(this.#load.get(destination.service) ?? 0)
    const durationUs = Math.round(base * load * Math.exp(0.35 * this.#random.normal()))
    const gapUs = ordinaryGapUs(this.#random)
    return {
      source,
      destination,
      certificate: this.certificate(source, endUs),
      method: route.method,
      path: route.path.replaceAll('#', () => String(1 + Math.floor(this.#random.next() * 9999))),
      status: 200,
      details: 'via_upstream',
      startUs: this.epochUs(endUs - durationUs - gapUs),
      durationUs,
      gapUs,
      requestId: this.#random.hex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      traceId: this.#random.hex(32),
      port: 32_768 + Math.floor(this.#random.next() * 28_000),
      bytes: Math.round(400 + 2000 * this.#random.next()),
      ...change,
    }
  }

  #exchange(edge: Edge, endUs: number, tamper: (exchange: Exchange) => void, records: AccessLog[]): void {
    const source = this.pod(edge.source, endUs)
    const destination = this.pod(edge.destination, endUs)
    const luck = this.#random.next()
    const status =
      luck < 0.002 ? 500 : luck < 0.01 ? 404 : edge.routes[0]!.method === 'POST' && luck < 0.013 ? 403 : 200
    const exchange = this.call(source, destination, pick(edge.routes, this.#random), endUs, { status })
    tamper(exchange)
    records.push(sourceRecord(exchange), destinationRecord(exchange))
    // Connections are kept alive: a listener sees one in some twenty calls.
    if (this.#random.next() < 0.05) {
      const { certificate, startUs, port } = exchange
      const at = { destination, sourceAddress: source.address, certificate, startUs, durationUs: 40_000, port }
      records.push(connectionRecord(at))
    }
  }
}

function daily(atUs: number, edge: Edge): number {
  const hour = (atUs % DAY_US) / HOUR_US
  if (edge.hour !== undefined) return Math.floor(hour) === edge.hour ? 1 : 0
  return 1 + 0.6 * Math.sin(((hour - 8) / 24) * 2 * Math.PI)
}

function pick(routes: readonly Route[], random: Random): Route {
  let left = random.next() * routes.reduce((sum, route) => sum + route.weight, 0)
  for (const route of routes) {
    left -= route.weight
    if (left < 0) return route
  }
  return routes[0]!
}
