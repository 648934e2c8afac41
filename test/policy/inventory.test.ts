import { describe, expect, it } from 'vitest'
import { DeclaredInventory } from '../../policy/inventory.ts'
import { CART, declaredOf, OPTIONS, pod, service, WEB } from './world.ts'

const inventoryOf = (...objects: unknown[]) => new DeclaredInventory(declaredOf(...objects), OPTIONS)
const owned = (kind: string, owner: string, labels: object = {}) =>
  inventoryOf(
    pod('p', CART, { labels, metadata: { ownerReferences: [{ kind, name: owner, controller: true }] } }),
  ).workloadAt(CART)?.workload
const slice = (name: string, of: string, addresses: string[], port: number) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints: [{ addresses }],
  ports: [{ port }],
})

describe('workloads', () => {
  it('a pod is found by its address, with its identity', () => {
    expect(inventoryOf(pod('cart', CART)).workloadAt(CART)).toMatchObject({
      pod: 'cart',
      workload: 'cart',
      identity: 'cluster.local/ns/shop/sa/cart',
      meshed: true,
    })
  })
  it.each([
    ['a Deployment', 'ReplicaSet', 'cart-6d5f8c7b9', 'cart'],
    ['a ReplicaSet of its own', 'ReplicaSet', 'my-store', 'my-store'],
    ['a StatefulSet', 'StatefulSet', 'db', 'db'],
    ['a DaemonSet', 'DaemonSet', 'agent', 'agent'],
    ['a CronJob', 'Job', 'report-29384710', 'report'],
    ['a Job', 'Job', 'migrate', 'migrate'],
  ])('the workload of a pod of %s is its name', (_, kind, owner, workload) => {
    expect(owned(kind, owner)).toBe(workload)
  })
  it('the template hash of the pod says where the name of a Deployment ends', () => {
    expect(owned('ReplicaSet', 'cart-abc123', { 'pod-template-hash': 'abc123' })).toBe('cart')
  })
  it('an address of several pods is nobody', () => {
    expect(inventoryOf(pod('a', CART), pod('b', CART), pod('c', CART)).workloadAt(CART)).toBeUndefined()
  })
  it('the address of a node is nobody, even with one pod on it', () => {
    expect(inventoryOf(pod('a', CART, { spec: { hostNetwork: true } })).workloadAt(CART)).toBeUndefined()
  })
  it('a completed pod leaves its address to another and keeps its identity known', () => {
    const done = { ...pod('job', CART), status: { phase: 'Succeeded', podIP: CART } }
    const inventory = inventoryOf(done, pod('cart', CART))
    expect(inventory.workloadAt(CART)?.pod).toBe('cart')
    expect(inventory.hasIdentity('cluster.local/ns/shop/sa/job')).toBe(true)
  })
  it('a pod without a sidecar is not meshed, unless its namespace is ambient', () => {
    const bare = pod('cart', CART, { spec: { containers: [{ name: 'app' }] } })
    const ambient = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', labels: { 'istio.io/dataplane-mode': 'ambient' } },
    }
    expect(inventoryOf(bare).workloadAt(CART)?.meshed).toBe(false)
    expect(inventoryOf(bare, ambient).workloadAt(CART)?.meshed).toBe(true)
  })
  it('a stranger has no identity here; an alias of the trust domain does', () => {
    const inventory = new DeclaredInventory(declaredOf(pod('cart', CART)), { ...OPTIONS, trustDomainAliases: ['old'] })
    expect(inventory.hasIdentity('old/ns/shop/sa/cart')).toBe(true)
    expect(inventory.hasIdentity('evil/ns/shop/sa/cart')).toBe(false)
  })
})

describe('services', () => {
  const inventory = inventoryOf(pod('cart', CART), service('cart'))
  it.each([
    'cart.shop',
    'cart.shop.svc',
    'cart.shop.svc.cluster.local',
    'Cart.Shop.svc.cluster.local.:80',
    'cart-0.cart.shop.svc.cluster.local',
    '10.96.0.1',
    '10.96.0.1:80',
  ])('%s is cart.shop', (host) => expect(inventory.serviceByHost(host)?.canonical).toBe('cart.shop'))
  it.each(['', 'cart', 'other.shop', 'example.com'])('"%s" is no declared service', (host) =>
    expect(inventory.serviceByHost(host)).toBeUndefined(),
  )
  it('a selector and a numeric port make endpoints where no slice is declared', () => {
    expect(inventory.serviceByEndpoint(CART, 8080)?.canonical).toBe('cart.shop')
    expect(inventory.serviceByEndpoint(CART, 9090)).toBeUndefined()
  })
  it('an endpoint of two services is neither', () => {
    const two = inventoryOf(
      service('a', { clusterIP: '10.96.0.2' }),
      service('b'),
      slice('a-1', 'a', [WEB], 80),
      slice('b-1', 'b', [WEB], 80),
    )
    expect(two.serviceByEndpoint(WEB, 80)).toBeUndefined()
  })
  it('a service without a selector has the workloads of its slices', () => {
    const manual = inventoryOf(pod('cart', CART), service('ext', { selector: null }), slice('ext-1', 'ext', [CART], 80))
    expect(manual.workloadsOf(manual.serviceByHost('ext.shop')!).map(({ pod }) => pod)).toEqual(['cart'])
  })
})
