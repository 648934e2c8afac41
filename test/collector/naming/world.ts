/** A declared world of three workloads: web calls cart; `vault` is in another namespace; `cart-all` selects what `cart` does. */
import type { AccessQuery, Inventory, PolicySnapshot, Service, Workload } from '../../../policy/policy.ts'

function workload(name: string, namespace: string, address: string): Workload {
  return {
    pod: `${name}-0`,
    namespace,
    workload: name,
    serviceAccount: name,
    identity: `cluster.local/ns/${namespace}/sa/${name}`,
    labels: {},
    node: 'node-1',
    addresses: [address],
    meshed: true,
  }
}

function service(name: string, namespace: string, clusterAddress: string): Service {
  const ports = [{ port: 80, targetPort: 8080, name: 'http' }]
  return { name, namespace, canonical: `${name}.${namespace}`, clusterAddresses: [clusterAddress], ports }
}

const WEB = workload('web', 'shop', '10.0.0.11')
const CART = workload('cart', 'shop', '10.0.0.21')
const JOB = workload('job', 'shop', '10.0.0.31')
const VAULT = workload('vault', 'bank', '10.0.0.41')
const BEHIND: [Service, Workload][] = [
  [service('cart', 'shop', '10.96.0.5'), CART],
  [service('web', 'shop', '10.96.0.6'), WEB],
  [service('vault', 'bank', '10.96.0.7'), VAULT],
]

const inventory: Inventory = {
  known: true,
  workloadAt: (address) => [WEB, CART, JOB, VAULT].find((one) => one.addresses.includes(address)),
  serviceByHost: (host) =>
    BEHIND.map(([one]) => one).find(
      (one) => one.canonical === host || one.name === host || one.clusterAddresses.includes(host),
    ),
  serviceByEndpoint: (address, port) =>
    port === 8080 ? BEHIND.find(([, pod]) => pod.addresses.includes(address))?.[0] : undefined,
  workloadsOf: (of) => BEHIND.filter(([one]) => one === of).map(([, pod]) => pod),
  hasIdentity: (identity) => [WEB, CART, JOB, VAULT].some((one) => one.identity === identity),
}

/** A snapshot over that world that keeps what it was asked. */
export function snapshot(known = true): PolicySnapshot & { queries: AccessQuery[] } {
  const queries: AccessQuery[] = []
  return {
    version: 'test',
    inventory: { ...inventory, known },
    queries,
    decide(query) {
      queries.push(query)
      return { decision: 'allowed', reason: 'shop/allow-web rule 0' }
    },
    strictMtls: () => undefined,
  }
}
