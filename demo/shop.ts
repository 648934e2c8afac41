/**
 * The demo's world: a shop of a dozen services in one namespace, who calls whom how often, and the Kubernetes objects that
 * declare it. Everything here is data; traffic.ts makes calls of it.
 */

export interface Pod {
  name: string
  address: string
  service: string
  /** Simulated time in microseconds since the start from which, and until which, the pod serves. */
  from: number
  until: number
}

export interface Route {
  method: string
  /** `#` stands for a fresh number, so that templates have something to fold. */
  path: string
  weight: number
}

export interface Edge {
  source: string
  destination: string
  /** Calls per second at the daily mean. */
  rate: number
  routes: readonly Route[]
  /** Runs only in this hour of the day, for the nightly batch. */
  hour?: number
}

export const NAMESPACE = 'shop'
export const TRUST_DOMAIN = 'cluster.local'
export const PORT = 8080

/** Typical time a service takes to answer, in milliseconds. */
export const SERVICES: Readonly<Record<string, number>> = {
  frontend: 24,
  cart: 4,
  catalog: 6,
  checkout: 30,
  payment: 45,
  shipping: 12,
  currency: 2,
  email: 9,
  recommendation: 14,
  ads: 5,
  auth: 7,
  ledger: 11,
  reporting: 20,
}

const get = (path: string, weight = 1): Route => ({ method: 'GET', path, weight })
const post = (path: string, weight = 1): Route => ({ method: 'POST', path, weight })

export const EDGES: readonly Edge[] = [
  { source: 'frontend', destination: 'catalog', rate: 0.3, routes: [get('/products', 2), get('/products/#', 6)] },
  { source: 'frontend', destination: 'cart', rate: 0.45, routes: [get('/carts/#', 5), post('/carts/#/items', 2)] },
  { source: 'frontend', destination: 'auth', rate: 0.3, routes: [post('/login'), get('/session', 6)] },
  { source: 'frontend', destination: 'recommendation', rate: 0.15, routes: [get('/recommendations')] },
  { source: 'frontend', destination: 'ads', rate: 0.15, routes: [get('/ads')] },
  { source: 'frontend', destination: 'currency', rate: 0.15, routes: [get('/convert')] },
  { source: 'frontend', destination: 'checkout', rate: 0.075, routes: [post('/orders')] },
  {
    source: 'checkout',
    destination: 'cart',
    rate: 0.075,
    routes: [get('/carts/#'), { method: 'DELETE', path: '/carts/#', weight: 1 }],
  },
  { source: 'checkout', destination: 'payment', rate: 0.075, routes: [post('/charges')] },
  { source: 'checkout', destination: 'shipping', rate: 0.075, routes: [post('/quotes'), post('/shipments')] },
  { source: 'checkout', destination: 'currency', rate: 0.075, routes: [get('/convert')] },
  { source: 'checkout', destination: 'email', rate: 0.06, routes: [post('/messages')] },
  {
    source: 'recommendation',
    destination: 'catalog',
    rate: 0.15,
    routes: [get('/products', 3), get('/products/#', 1)],
  },
  { source: 'payment', destination: 'ledger', rate: 0.075, routes: [post('/entries')] },
  { source: 'shipping', destination: 'catalog', rate: 0.05, routes: [get('/products/#/weight')] },
  { source: 'reporting', destination: 'ledger', rate: 0.6, hour: 2, routes: [get('/entries')] },
  { source: 'reporting', destination: 'catalog', rate: 0.3, hour: 2, routes: [get('/products')] },
]

const HOUR_US = 3_600_000_000
/** When the catalog is deployed anew: its pods are replaced one by one. */
export const DEPLOY_AT = 30 * HOUR_US

/** All pods there ever are: two of each service, and the catalog's second generation. */
export const PODS: readonly Pod[] = Object.keys(SERVICES).flatMap((service, s) => {
  const generation = (name: string, hash: string, octet: number, from: number, until: number): Pod[] =>
    ['x7k2m', 'q9d4v'].map((suffix, i) => ({
      name: `${name}-${hash}-${suffix}`,
      address: `10.42.${octet}.${10 + s * 2 + i}`,
      service,
      from: from === 0 ? 0 : from + i * 300_000_000,
      until: until === Infinity ? Infinity : until + i * 300_000_000,
    }))
  if (service !== 'catalog') return generation(service, '6d5f8c7b9', 1, 0, Infinity)
  return [
    ...generation(service, '6d5f8c7b9', 1, 0, DEPLOY_AT),
    ...generation(service, '7c9f6d5b8', 2, DEPLOY_AT, Infinity),
  ]
})

export const identityUri = (service: string): string => `spiffe://${TRUST_DOMAIN}/ns/${NAMESPACE}/sa/${service}`
export const host = (service: string): string => `${service}.${NAMESPACE}.svc.cluster.local`

/** What `kubectl get -o json` would print of this world: the policy folder of the demo. */
export function declaredObjects(): object {
  const labels = (service: string) => ({ app: service })
  const items: object[] = []
  for (const [s, service] of Object.keys(SERVICES).entries()) {
    items.push(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: service, namespace: NAMESPACE } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: service, namespace: NAMESPACE },
        spec: {
          clusterIP: `10.43.0.${10 + s}`,
          selector: labels(service),
          ports: [{ name: 'http', port: PORT, targetPort: PORT }],
        },
      },
    )
    const callers = EDGES.filter((edge) => edge.destination === service)
    items.push({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `${service}-callers`, namespace: NAMESPACE },
      spec: {
        selector: { matchLabels: labels(service) },
        action: 'ALLOW',
        rules: callers.map((edge) => ({
          from: [{ source: { principals: [identityUri(edge.source).slice('spiffe://'.length)] } }],
          to: [
            {
              operation: {
                methods: [...new Set(edge.routes.map((route) => route.method))],
                paths: [...new Set(edge.routes.map((route) => `/${route.path.split('/')[1]}*`))],
              },
            },
          ],
        })),
      },
    })
  }
  for (const pod of PODS) {
    const set = pod.name.split('-').slice(0, -1).join('-')
    items.push({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: pod.name,
        namespace: NAMESPACE,
        labels: labels(pod.service),
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set, controller: true }],
      },
      spec: {
        serviceAccountName: pod.service,
        nodeName: `node-${Number(pod.address.split('.')[3]) % 3}`,
        containers: [{ name: pod.service, ports: [{ containerPort: PORT }] }, { name: 'istio-proxy' }],
      },
      status: { phase: 'Running', podIP: pod.address, podIPs: [{ ip: pod.address }] },
    })
  }
  items.push(
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE, labels: { 'istio-injection': 'enabled' } },
    },
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: 'istio-system' },
      spec: { mtls: { mode: 'STRICT' } },
    },
  )
  return { apiVersion: 'v1', kind: 'List', items }
}
