/**
 * The pods of the test mesh. A pod is one loopback address with a sidecar of its own, so that addresses, identities and
 * resources differ as they do in a cluster.
 */
import { createServer, type Server } from 'node:net'

export const NAMESPACE = 'shop'
export const TRUST_DOMAIN = 'cluster.local'

/** Which certificate the pod's sidecar presents. */
export type Credential = 'valid' | 'expired' | 'unknown_ca' | 'none'

export interface PodSpec {
  service: string
  /** Last part of the pod's address. */
  host: number
  /** SPIFFE URI in its certificate, where it is not that of its own service account. */
  uri?: string
  credential?: Credential
  inbound?: Inbound[]
  outbound?: Outbound[]
  /** Sends its logs to a sink of its own, for a scenario that runs beside the others. */
  aside?: true
}

export interface Inbound {
  port: number
  kind: 'http' | 'grpc' | 'tcp'
  /**
   * Where absent as Istio does it: a TLS inspector chooses the chain, so that plaintext finds none, and names tell the direction.
   * `plain`: every byte goes to the TLS socket, and names tell nothing.
   */
  style?: 'plain'
  /** Policies by their Istio-style id; a call is denied where one of `deny` matches, or none of `allow`. */
  deny?: Policy[]
  allow?: Policy[]
  /** The application behind the sidecar is not running. */
  appDown?: true
}

export interface Policy {
  id: string
  pathPrefix?: string
  /** Service accounts of the caller; anyone where absent. */
  from?: string[]
}

export interface Outbound {
  /** Name of the pod that is called. */
  to: string
  port: number
  kind: 'http' | 'grpc' | 'tcp'
  /** Port of the pod's own address where the application reaches it. */
  listen: number
  /** Goes through the forwarder that delays every chunk. */
  delayed?: true
  /** Subset of the destination, as Istio names it. `tls12` speaks TLS 1.2 at most, where a refused client hears of it. */
  subset?: 'tls12'
  /** Where absent as Istio does it. `plain`: the service's short name as cluster, no SNI, Envoy's default TLS versions. */
  style?: 'plain'
}

function istioPolicy(name: string): string {
  return `ns[${NAMESPACE}]-policy[${name}]-rule[0]`
}

export function serviceAccountUri(service: string): string {
  return `spiffe://${TRUST_DOMAIN}/ns/${NAMESPACE}/sa/${service}`
}

const toCart: Outbound = { to: 'cart', port: 8080, kind: 'http', listen: 15001 }
const toCartBoth: Outbound[] = [toCart, { ...toCart, listen: 15011, subset: 'tls12' }]
const toVault: Outbound = { to: 'vault', port: 8080, kind: 'http', listen: 15021, style: 'plain' }
const web: Inbound = { port: 8080, kind: 'http' }

const PODS = {
  web: {
    service: 'web',
    host: 11,
    outbound: [
      toCart,
      { to: 'cart', port: 9090, kind: 'grpc', listen: 15002 },
      { to: 'db', port: 5432, kind: 'tcp', listen: 15003 },
      { to: 'pay', port: 8080, kind: 'http', listen: 15004 },
      { to: 'quote', port: 8080, kind: 'http', listen: 15005 },
      { to: 'stale', port: 8080, kind: 'http', listen: 15006 },
      { to: 'gone', port: 8080, kind: 'http', listen: 15007 },
      { to: 'broken', port: 8080, kind: 'http', listen: 15008 },
      { to: 'bare', port: 8080, kind: 'http', listen: 15009 },
    ],
  },
  // The same workload on another node; its way to cart leads through the forwarder.
  web2: { service: 'web', host: 12, outbound: [{ ...toCart, delayed: true }] },
  legacy: { service: 'legacy', host: 13, credential: 'expired', outbound: [...toCartBoth, toVault] },
  rogue: { service: 'rogue', host: 14, uri: serviceAccountUri('web'), credential: 'unknown_ca', outbound: toCartBoth },
  guest: { service: 'guest', host: 15, credential: 'none', outbound: toCartBoth },
  partner: { service: 'partner', host: 16, uri: 'spiffe://partner.example/ns/shop/sa/partner', outbound: toCartBoth },
  // No sidecar: it speaks plaintext.
  bare: { service: 'bare', host: 17 },
  cart: {
    service: 'cart',
    host: 21,
    inbound: [
      {
        ...web,
        deny: [{ id: istioPolicy('deny-admin'), pathPrefix: '/admin' }],
        allow: [{ id: istioPolicy('allow-web'), from: ['web'] }],
      },
      { port: 9090, kind: 'grpc', deny: [{ id: istioPolicy('deny-delete'), pathPrefix: '/shop.Cart/Delete' }] },
    ],
    outbound: [
      { to: 'pay', port: 8080, kind: 'http', listen: 15004 },
      { to: 'db', port: 5432, kind: 'tcp', listen: 15003 },
    ],
  },
  pay: {
    service: 'pay',
    host: 22,
    inbound: [{ ...web, allow: [{ id: istioPolicy('allow-cart'), from: ['cart'] }] }],
  },
  db: {
    service: 'db',
    host: 23,
    inbound: [{ port: 5432, kind: 'tcp', deny: [{ id: istioPolicy('deny-web-db'), from: ['web'] }] }],
  },
  // Answers under another name than the callers expect.
  quote: { service: 'quote', host: 24, uri: serviceAccountUri('decoy'), inbound: [web] },
  stale: { service: 'stale', host: 25, credential: 'expired', inbound: [web] },
  broken: { service: 'broken', host: 26, inbound: [{ ...web, appDown: true }] },
  // Two Envoys whose operator never heard of Istio.
  kiosk: { service: 'kiosk', host: 18, outbound: [toVault] },
  vault: {
    service: 'vault',
    host: 27,
    inbound: [{ ...web, style: 'plain', deny: [{ id: 'no-admin', pathPrefix: '/admin' }] }],
  },
  // Its address answers nobody.
  gone: { service: 'gone', host: 28 },
  report: {
    service: 'report',
    host: 31,
    aside: true,
    outbound: [{ to: 'batch', port: 8080, kind: 'http', listen: 15001 }],
  },
  batch: { service: 'batch', host: 32, aside: true, inbound: [web] },
} satisfies Record<string, PodSpec>

export type PodName = keyof typeof PODS

export interface Pod extends PodSpec {
  name: PodName
  address: string
  uri: string
  credential: Credential
  inbound: Inbound[]
  outbound: Outbound[]
}

export function placePods(subnet: string): Record<PodName, Pod> {
  const placed = Object.entries<PodSpec>(PODS).map(([name, spec]) => [
    name,
    {
      uri: serviceAccountUri(spec.service),
      credential: 'valid',
      inbound: [],
      outbound: [],
      ...spec,
      name,
      address: `${subnet}.${spec.host}`,
    },
  ])
  return Object.fromEntries(placed) as Record<PodName, Pod>
}

/** A loopback subnet nobody else's run uses: the first whose lock port can be bound. Held until the server is closed. */
export async function claimSubnet(): Promise<{ subnet: string; lock: Server }> {
  for (let second = 64; second < 255; second += 1) {
    const subnet = `127.${second}.0`
    const lock = createServer()
    const bound = await new Promise<boolean>((resolve) => {
      lock.once('error', () => resolve(false)).listen(4000, `${subnet}.1`, () => resolve(true))
    })
    if (bound) return { subnet, lock }
  }
  throw new Error('no loopback subnet 127.64.0 to 127.254.0 is free')
}
