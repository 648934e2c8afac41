/**
 * The declared name of a call's destination: a pure function of a snapshot and of what both ends' records have in common, so that
 * both reporters and every collector name it alike. In order:
 *
 *   callee's end        the record's service, where the pod that reports is declared behind it; else the service that this
 *                       endpoint is declared to be; else the pod's workload. What the caller wrote into SNI or authority can
 *                       so never move a call to another service.
 *   caller's end        the record's service, by its canonical name; else the service that this endpoint is declared to be
 *   address only        the service of the endpoint or cluster address, else the workload at it
 *
 * A name the inventory does not know stays as the record has it.
 */
import type { Call } from '../../core/call.ts'
import type { Inventory, Service, Workload } from '../../policy/policy.ts'
import { isBehind } from './declared-source.ts'

export interface DeclaredDestination {
  /** Canonical; '' where the inventory knows nothing better than the record. */
  service: string
  namespace: string
  workload: Workload | undefined
}

/** Istio's name for traffic outside the declared services: where the address is declared after all, its service is named. */
const PASSTHROUGH = 'PassthroughCluster'

export function declaredDestination(call: Call, inventory: Inventory): DeclaredDestination {
  const { destinationAddress: address, destinationPort: port } = call
  const workload = address === '' ? undefined : inventory.workloadAt(address)
  const recorded = call.destinationServiceOrigin === 'record' && call.destinationService !== PASSTHROUGH
  const named = recorded ? inventory.serviceByHost(call.destinationService) : undefined
  const witnessed = call.reporter !== 'destination' || workload === undefined
  if (named !== undefined && (witnessed || isBehind(inventory, named, workload))) return byService(named, workload)
  const found = address === '' ? undefined : inventory.serviceByEndpoint(address, port)
  if (found !== undefined || workload === undefined || (recorded && witnessed)) return byService(found, workload)
  return { service: `${workload.workload}.${workload.namespace}`, namespace: workload.namespace, workload }
}

function byService(service: Service | undefined, workload: Workload | undefined): DeclaredDestination {
  return {
    service: service?.canonical ?? '',
    namespace: workload?.namespace ?? service?.namespace ?? '',
    workload,
  }
}
