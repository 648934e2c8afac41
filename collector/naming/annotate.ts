/**
 * Adds to a call what its record does not tell: declared names of both ends (origin `inventory`), what the declared policy says,
 * and learned identities (origin `learned`). The record's own names stay, but for a destination service that the inventory
 * contradicts (declared-destination.ts).
 */
import type { Call } from '../../core/call.ts'
import type { DecideByPath, PolicySnapshot } from '../../policy/policy.ts'
import { deciderOf } from './decide.ts'
import { type DeclaredDestination, declaredDestination } from './declared-destination.ts'
import { type DeclaredSource, declaredSource } from './declared-source.ts'
import { Directory } from './directory.ts'

/** Ends remembered per snapshot, of each kind; when full it starts afresh. */
const MAX_REMEMBERED = 16_384

/** Writes into calls what their records do not tell. */
export interface Annotator {
  /** What is in force. Calls declared under another must be read anew. */
  inForce(): unknown
  /** Names by the inventory: once per call, of columns that a source's `vary` leaves alone. */
  declare(call: Call): void
  /** What the policy says: once per call, and then by path after each `vary`. */
  decider(call: Call): DecideByPath
  /** Learned names, and what the call teaches of them: again after each `vary`. */
  learn(call: Call): void
  /** Where `learn` notes what calls teach, and looks up what is known. */
  readonly directory: Directory
}

/** @param policy the snapshot in force; another object makes the annotator forget what it remembered of the last */
export function createAnnotator(policy: () => PolicySnapshot, directory = new Directory()): Annotator {
  let snapshot: PolicySnapshot | undefined
  let sources = new Map<string, DeclaredSource>()
  let destinations = new Map<string, DeclaredDestination>()

  return {
    inForce: policy,
    directory,
    declare(call) {
      const current = policy()
      if (current !== snapshot) {
        snapshot = current
        sources = new Map()
        destinations = new Map()
      }
      const { inventory } = current
      if (!inventory.known) return
      nameSource(
        call,
        remembered(sources, call.sourceAddress, () => declaredSource(call.sourceAddress, inventory)),
      )
      nameDestination(
        call,
        remembered(destinations, destinationKey(call), () => declaredDestination(call, inventory)),
      )
    },
    decider: (call) => deciderOf(call, policy()),
    learn(call) {
      directory.annotate(call)
      directory.learn(call)
    },
  }
}

/** Of all that `declaredDestination` looks at. */
function destinationKey(call: Call): string {
  const { reporter, destinationServiceOrigin, destinationService, destinationAddress, destinationPort } = call
  return `${reporter} ${destinationServiceOrigin} ${destinationService} ${destinationAddress} ${destinationPort}`
}

function remembered<T>(known: Map<string, T>, key: string, find: () => T): T {
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= MAX_REMEMBERED) known.clear()
  const found = find()
  known.set(key, found)
  return found
}

/** The workload at the caller's address. Its identity goes beside the caller's own, never in its place. */
function nameSource(call: Call, { workload, service }: DeclaredSource): void {
  if (workload === undefined) return
  call.sourceAddressIdentity = workload.identity
  call.sourceWorkload = workload.workload
  call.sourceWorkloadOrigin = 'inventory'
  call.sourceNamespace = workload.namespace
  if (call.sourceServiceOrigin !== 'none' || service === '') return
  call.sourceService = service
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
