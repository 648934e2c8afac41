/** The declared workload at a caller's address, and the service it stands behind. A pure function of snapshot and address. */
import type { Inventory, Service, Workload } from '../../policy/policy.ts'

export interface DeclaredSource {
  workload: Workload | undefined
  /** The service of the workload's own name, where the workload is behind it; '' else: a caller may be behind several. */
  service: string
}

export function declaredSource(address: string, inventory: Inventory): DeclaredSource {
  const workload = address === '' ? undefined : inventory.workloadAt(address)
  if (workload === undefined) return { workload, service: '' }
  const service = inventory.serviceByHost(`${workload.workload}.${workload.namespace}`)
  const behind = service !== undefined && isBehind(inventory, service, workload)
  return { workload, service: behind ? service.canonical : '' }
}

export function isBehind(inventory: Inventory, service: Service, workload: Workload): boolean {
  return inventory
    .workloadsOf(service)
    .some(({ pod, namespace }) => pod === workload.pod && namespace === workload.namespace)
}
