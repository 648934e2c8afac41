/** Pairs met lately, each with its key made once: the key is long, and a pair is met in every block. */
import { type PairKey, pairKeyText } from '../window.ts'

export interface Pair {
  pair: PairKey
  key: string
}

/** Past it all are forgotten at once; whoever is still about is met again. */
const MOST_PAIRS = 50_000

export class PairTable {
  /** By destination, then identity, then workload or address; namespaces of one workload are few. */
  #pairs = new Map<string, Map<string, Map<string, Pair[]>>>()
  #size = 0

  pair(destination: string, identity: string, workload: string, namespace: string, address: string): Pair {
    if (this.#size >= MOST_PAIRS) {
      this.#pairs = new Map()
      this.#size = 0
    }
    const known = within(within(this.#pairs, destination), identity)
    const last = workload === '' ? address : workload
    let pairs = known.get(last)
    if (pairs === undefined) {
      pairs = []
      known.set(last, pairs)
    }
    for (const one of pairs) {
      const { sourceNamespace, sourceWorkload, sourceAddress } = one.pair
      if (sourceNamespace === namespace && sourceWorkload === workload && sourceAddress === address) return one
    }
    const pair = {
      sourceIdentity: identity,
      sourceWorkload: workload,
      sourceNamespace: namespace,
      sourceAddress: address,
      destinationService: destination,
    }
    const made = { pair, key: pairKeyText(pair) }
    pairs.push(made)
    this.#size += 1
    return made
  }
}

function within<T>(maps: Map<string, Map<string, T>>, key: string): Map<string, T> {
  let map = maps.get(key)
  if (map === undefined) {
    map = new Map()
    maps.set(key, map)
  }
  return map
}
