/**
 * Names the callers of pairs as services are named, `<name>.<namespace>`, so that a workload that calls and is called is one thing.
 * A caller is the service of its workload's name; else the one service that has its identity, where nothing else has it. Pure.
 */
import type { PairKey } from './pair-key.ts'

export interface NamedPair {
  pair: PairKey
  /** Of the destination, as its proxies proved them. */
  destinationIdentities: readonly string[]
}

/** How a pair's caller is called. */
export function callerNames(pairs: readonly NamedPair[]): (pair: PairKey) => string {
  const services = new Set(pairs.map(({ pair }) => pair.destinationService))
  const servicesOf = grouped(
    pairs.flatMap(({ pair, destinationIdentities }) =>
      destinationIdentities.map((identity) => [identity, pair.destinationService] as const),
    ),
  )
  const workloadsOf = grouped(pairs.map(({ pair }) => [pair.sourceIdentity, pair.sourceWorkload] as const))
  return (pair) => {
    const own = ownName(pair)
    if (services.has(own)) return own
    const [service, ...more] = servicesOf.get(pair.sourceIdentity) ?? []
    const isAlone = more.length === 0 && workloadsOf.get(pair.sourceIdentity)?.size === 1
    return service !== undefined && isAlone && pair.sourceIdentity !== '' ? service : own
  }
}

function ownName({ sourceIdentity, sourceNamespace, sourceWorkload, sourceAddress }: PairKey): string {
  const [, namespace = sourceNamespace, account = ''] = /\/ns\/([^/]+)\/sa\/(.+)$/.exec(sourceIdentity) ?? []
  const name = sourceWorkload || account
  if (name !== '')
    return namespace === '' ? name : `${name}.${sourceWorkload === '' ? namespace : sourceNamespace || namespace}`
  return sourceIdentity || sourceAddress || 'unnamed caller'
}

/** '' for what is in none. */
export function namespaceOf(name: string): string {
  return /^[^.]+\.([^.]+)$/.exec(name)?.[1] ?? ''
}

function grouped(entries: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>()
  for (const [key, value] of entries) groups.set(key, (groups.get(key) ?? new Set()).add(value))
  return groups
}
