/** The declared workloads and services, by address, host name and identity. */
import { serviceAccountIdentity } from '../core/identity.ts'
import type { Declared } from './declared.ts'
import type { DeclaredEndpoints } from './kubernetes/endpoints.ts'
import { type Labels, selects } from './kubernetes/metadata.ts'
import type { DeclaredPod } from './kubernetes/pod.ts'
import type { Inventory, Service, Workload } from './policy.ts'

export interface InventoryWorkload extends Workload {
  /** True where a node proxy stands for the sidecar. */
  ambient: boolean
}

export interface InventoryService extends Service {
  labels: Labels
}

export interface InventorySettings {
  trustDomain: string
  trustDomainAliases: readonly string[]
}

export class DeclaredInventory implements Inventory {
  readonly known: boolean
  readonly namespaceLabels: ReadonlyMap<string, Labels>
  readonly #settings: InventorySettings
  /** null where several pods, or a node, have the address. */
  readonly #byAddress = new Map<string, InventoryWorkload | null>()
  readonly #byCanonical = new Map<string, InventoryService>()
  /** By cluster address, and by `address port` of endpoints; null where several services share it. */
  readonly #byEndpoint = new Map<string, InventoryService | null>()
  readonly #workloads = new Map<string, readonly InventoryWorkload[]>()
  readonly #identities = new Set<string>()

  constructor(declared: Declared, settings: InventorySettings) {
    this.#settings = settings
    this.namespaceLabels = new Map(declared.namespaces.map(({ name, labels }) => [name, labels]))
    this.known = declared.pods.length > 0 || declared.services.length > 0
    for (const { namespace, name } of declared.serviceAccounts) this.#addIdentity(namespace, name)
    const live = this.#readPods(declared.pods)
    this.#readServices(declared, live)
  }

  workloadAt(address: string): InventoryWorkload | undefined {
    return this.#byAddress.get(address) ?? undefined
  }

  serviceByHost(host: string): InventoryService | undefined {
    const address = this.#byEndpoint.get(host)
    if (address !== undefined) return address ?? undefined
    const bare = host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')
    const labels = bare.split('.')
    const svc = labels.lastIndexOf('svc')
    // `[<pod>.]<name>.<namespace>.svc[.<cluster domain>]`, or just `<name>.<namespace>`.
    const canonical = svc >= 2 ? `${labels[svc - 2]}.${labels[svc - 1]}` : bare
    return this.#byCanonical.get(canonical) ?? this.#byEndpoint.get(bare) ?? undefined
  }

  serviceByEndpoint(address: string, port: number): InventoryService | undefined {
    return this.#byEndpoint.get(`${address} ${port}`) ?? this.#byEndpoint.get(address) ?? undefined
  }

  workloadsOf(service: Service): readonly InventoryWorkload[] {
    return this.#workloads.get(service.canonical) ?? []
  }

  hasIdentity(identity: string): boolean {
    const slash = identity.indexOf('/')
    const { trustDomain, trustDomainAliases } = this.#settings
    const ours = trustDomainAliases.includes(identity.slice(0, slash)) ? trustDomain + identity.slice(slash) : identity
    return this.#identities.has(ours)
  }

  #addIdentity(namespace: string, serviceAccount: string): string {
    const identity = serviceAccountIdentity(this.#settings.trustDomain, namespace, serviceAccount)
    this.#identities.add(identity)
    return identity
  }

  /** Completed pods lend their identity only: a CronJob between two runs is no stranger. */
  #readPods(pods: readonly DeclaredPod[]): Map<string, InventoryWorkload[]> {
    const live = new Map<string, InventoryWorkload[]>()
    for (const pod of pods) {
      const { namespace, name, labels, workload, serviceAccount, node, addresses } = pod
      const identity = this.#addIdentity(namespace, serviceAccount)
      if (pod.completed) continue
      const ambient =
        !pod.sidecar && (pod.ambient ?? this.namespaceLabels.get(namespace)?.['istio.io/dataplane-mode'] === 'ambient')
      const meshed = (pod.sidecar || ambient) && !pod.hostNetwork
      const read = {
        pod: name,
        namespace,
        workload,
        serviceAccount,
        identity,
        labels,
        node,
        addresses,
        meshed,
        ambient,
      }
      for (const address of addresses) {
        this.#byAddress.set(address, pod.hostNetwork || this.#byAddress.has(address) ? null : read)
      }
      append(live, namespace, read)
    }
    return live
  }

  #readServices({ services, endpoints }: Declared, live: ReadonlyMap<string, InventoryWorkload[]>): void {
    const slices = new Map<string, DeclaredEndpoints[]>()
    for (const slice of endpoints) append(slices, `${slice.service}.${slice.namespace}`, slice)
    for (const { namespace, name, labels, selector, clusterAddresses, ports } of services) {
      const canonical = `${name}.${namespace}`
      const service = { name, namespace, canonical, clusterAddresses, ports, labels }
      this.#byCanonical.set(canonical, service)
      for (const address of clusterAddresses) this.#addEndpoint(address, service)

      const own = slices.get(canonical) ?? []
      const selected =
        Object.keys(selector).length > 0
          ? (live.get(namespace) ?? []).filter((workload) => selects(selector, workload.labels))
          : own.flatMap(({ addresses }) => addresses.flatMap((address) => this.workloadAt(address) ?? []))
      this.#workloads.set(canonical, [...new Set(selected)])

      for (const slice of own) {
        for (const address of slice.addresses)
          for (const port of slice.ports) this.#addEndpoint(`${address} ${port}`, service)
      }
      if (own.length > 0) continue
      for (const { targetPort } of ports) {
        if (typeof targetPort !== 'number') continue
        for (const { addresses } of selected) {
          for (const address of addresses) this.#addEndpoint(`${address} ${targetPort}`, service)
        }
      }
    }
  }

  #addEndpoint(key: string, service: InventoryService): void {
    const before = this.#byEndpoint.get(key)
    this.#byEndpoint.set(key, before === undefined || before === service ? service : null)
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
