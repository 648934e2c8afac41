/** A declared world: web calls cart; job has no service; vault is in another namespace. */
import { declare, nothingDeclared } from '../../../policy/declared.ts'
import type { AccessQuery, PolicySnapshot } from '../../../policy/policy.ts'
import { createSnapshot, emptySnapshot } from '../../../policy/snapshot.ts'

function pod(name: string, namespace: string, podIP: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-0`,
      namespace,
      labels: { app: name },
      ownerReferences: [{ kind: 'StatefulSet', name, controller: true }],
    },
    spec: { serviceAccountName: name, containers: [{ name: 'app' }, { name: 'istio-proxy' }] },
    status: { phase: 'Running', podIP },
  }
}

function service(name: string, namespace: string, clusterIP: string, podIP: string): object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { clusterIP, selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [podIP] }],
      ports: [{ name: 'http', port: 8080 }],
    },
  ]
}

/** Only web may call cart. */
const allowWeb = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'allow-web', namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'cart' } },
    rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] }],
  },
}

const items = [
  pod('web', 'shop', '10.0.0.11'),
  pod('cart', 'shop', '10.0.0.21'),
  pod('job', 'shop', '10.0.0.31'),
  pod('vault', 'bank', '10.0.0.41'),
  ...service('web', 'shop', '10.96.0.6', '10.0.0.11'),
  ...service('cart', 'shop', '10.96.0.5', '10.0.0.21'),
  ...service('vault', 'bank', '10.96.0.7', '10.0.0.41'),
  allowWeb,
]

export type Watched = PolicySnapshot & { queries: AccessQuery[] }

/** A snapshot that keeps what it was asked. */
function watched(snapshot: PolicySnapshot): Watched {
  const queries: AccessQuery[] = []
  return {
    version: snapshot.version,
    inventory: snapshot.inventory,
    queries,
    decide: (query) => snapshot.decide(query),
    decideByPath: (query) => (path) => {
      queries.push({ ...query, path })
      return snapshot.decideByPath(query)(path)
    },
    strictMtls: (address, port) => snapshot.strictMtls(address, port),
  }
}

export function declaredWorld(): Watched {
  const declared = nothingDeclared()
  declare(declared, { apiVersion: 'v1', kind: 'List', items }, 'world')
  return watched(createSnapshot(declared))
}

export function undeclaredWorld(): Watched {
  return watched(emptySnapshot())
}
