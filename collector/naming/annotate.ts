/**
 * Adds to a call what its record does not tell: declared names of both ends (origin `inventory`), what the declared policy says,
 * and learned identities (origin `learned`). The record's own names stay, but for a destination service that the inventory
 * contradicts (destination.ts).
 */
import type { Call } from '../../core/call.ts'
import type { PolicySnapshot } from '../../policy/policy.ts'
import { decideCall } from './decide.ts'
import { type DeclaredDestination, declaredDestination } from './destination.ts'
import { Directory } from './directory.ts'

/** Destinations remembered per snapshot; the few services of a mesh are looked up with every call. */
const MAX_REMEMBERED = 16_384

/** @param policy the snapshot in force; another object makes the annotator forget what it remembered of the last */
export function createAnnotator(policy: () => PolicySnapshot, directory = new Directory()): (call: Call) => void {
  let snapshot: PolicySnapshot | undefined
  let destinations = new Map<string, DeclaredDestination>()

  function destinationOf(call: Call, current: PolicySnapshot): DeclaredDestination {
    const key = `${call.reporter} ${call.destinationServiceOrigin} ${call.destinationService} ${call.destinationAddress} ${call.destinationPort}`
    const before = destinations.get(key)
    if (before !== undefined) return before
    if (destinations.size >= MAX_REMEMBERED) destinations = new Map()
    const found = declaredDestination(call, current.inventory)
    destinations.set(key, found)
    return found
  }

  return (call) => {
    const current = policy()
    if (current !== snapshot) {
      snapshot = current
      destinations = new Map()
    }
    if (current.inventory.known) {
      nameSource(call, current)
      nameDestination(call, destinationOf(call, current))
    }
    decideCall(call, current)
    directory.annotate(call)
    directory.learn(call)
  }
}

/** The workload at the caller's address. Its identity goes beside the caller's own, never in its place. */
function nameSource(call: Call, { inventory }: PolicySnapshot): void {
  const workload = call.sourceAddress === '' ? undefined : inventory.workloadAt(call.sourceAddress)
  if (workload === undefined) return
  call.sourceAddressIdentity = workload.identity
  call.sourceWorkload = workload.workload
  call.sourceWorkloadOrigin = 'inventory'
  call.sourceNamespace = workload.namespace
  if (call.sourceServiceOrigin !== 'none') return
  const service = inventory.serviceByHost(call.sourceAddress)
  if (service === undefined) return
  call.sourceService = service.canonical
  call.sourceServiceOrigin = 'inventory'
}

function nameDestination(call: Call, { service, namespace, workload }: DeclaredDestination): void {
  if (service !== '' && service !== call.destinationService) {
    call.destinationService = service
    call.destinationServiceOrigin = 'inventory'
  }
  if (call.destinationNamespace === '') call.destinationNamespace = namespace
  if (workload === undefined) return
  if (call.destinationWorkloadOrigin === 'none') {
    call.destinationWorkload = workload.workload
    call.destinationWorkloadOrigin = 'inventory'
  }
  if (call.destinationIdentityOrigin === 'none' && workload.identity !== '') {
    call.destinationIdentity = workload.identity
    call.destinationIdentityOrigin = 'inventory'
  }
}
