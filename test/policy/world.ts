/** A small declared world for the tests of this folder, and the calls asked about it. */
import { type Declared, declare, nothingDeclared } from '../../policy/declared.ts'
import type { AccessQuery, Verdict } from '../../policy/policy.ts'
import { createSnapshot, type SnapshotOptions } from '../../policy/snapshot.ts'

export const OPTIONS: SnapshotOptions = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
}

export function declaredOf(...objects: unknown[]): Declared {
  const declared = nothingDeclared()
  for (const object of objects) declare(declared, object, 'test')
  return declared
}

export const CART = '10.0.0.1'
export const WEB = '10.0.0.2'

export function pod(name: string, address: string, change: { labels?: object; spec?: object; metadata?: object } = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels: { app: name, ...change.labels }, ...change.metadata },
    spec: { serviceAccountName: name, containers: [{ name: 'app' }, { name: 'istio-proxy' }], ...change.spec },
    status: { phase: 'Running', podIP: address },
  }
}

export function service(name: string, spec: object = {}, labels: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', labels },
    spec: { clusterIP: '10.96.0.1', selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  }
}

export function authorization(spec: object | undefined, metadata: object = {}) {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'policy', namespace: 'shop', ...metadata },
    spec,
  }
}

export function peerAuthentication(spec: object, metadata: object = {}) {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'istio-system', ...metadata },
    spec,
  }
}

/** `web` calls `cart`: GET /items, over HTTP. */
export function query(change: Partial<AccessQuery> = {}): AccessQuery {
  return {
    sourceIdentity: 'cluster.local/ns/shop/sa/web',
    sourceAddress: WEB,
    destinationNamespace: 'shop',
    destinationAddress: CART,
    destinationService: 'cart.shop',
    destinationPort: 8080,
    http: true,
    method: 'GET',
    path: '/items',
    host: 'cart',
    sni: '',
    ...change,
  }
}

/** What is decided of a call in a shop of two pods with these policies. */
export function decideWith(
  policies: readonly object[],
  change: Partial<AccessQuery> = {},
  options: Partial<SnapshotOptions> = {},
): Verdict {
  const objects = [pod('cart', CART), pod('web', WEB), service('cart'), ...policies]
  return createSnapshot(declaredOf(...objects), { ...OPTIONS, ...options }).decide(query(change))
}
