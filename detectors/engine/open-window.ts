/**
 * The pairs of one window while it is open. Callers of a destination beyond the cap are folded into one pair `{*}`: those known for
 * a day keep their place, of the new ones those with the smallest hashes. So no flood of names takes a known pair's place, and
 * order of arrival does not matter.
 */
import type { Trust } from '../../core/call.ts'
import { hashText } from '../hash.ts'
import { OTHER, pairKeyText } from '../window.ts'
import { PairAccumulator } from './accumulator.ts'
import type { Pair } from './pair-table.ts'

export interface OpenWindowLimits {
  /** Pairs of one destination and trust that are not established. */
  newPairsPerOwner: number
  /** Pairs in all; past it new ones of any destination are folded together. A last resort, of which `folded` tells. */
  pairs: number
}

interface Owner {
  pairs: Map<string, PairAccumulator>
  /** Ranks of the pairs that are not established, by key. */
  ranks: Map<string, number>
  limit: number
}

export class OpenWindow {
  /** Groups that found no place of their own for want of room in all. */
  folded = 0
  readonly start: number
  /** Offset of the first record with a part in it. */
  readonly firstOffset: number
  /** Newest tick before that record: while memory is rebuilt from there on, time must go on from there as well. */
  readonly firstTick: number
  readonly #limits: OpenWindowLimits
  readonly #established: (owner: string, key: string) => boolean
  readonly #owners: Record<Trust, Map<string, Owner>> = { verified: new Map(), claimed: new Map() }
  #pairs = 0

  constructor(
    start: number,
    { offset, newestTick }: { offset: number; newestTick: number },
    limits: OpenWindowLimits,
    established: (owner: string, key: string) => boolean,
  ) {
    this.start = start
    this.firstOffset = offset
    this.firstTick = newestTick
    this.#limits = limits
    this.#established = established
  }

  at(pair: Pair, trust: Trust): PairAccumulator {
    const { key } = pair
    const name = pair.pair.destinationService
    const owner = this.#owner(name, trust)
    const known = owner.pairs.get(key)
    if (known !== undefined) return known
    if (trust === 'verified' && this.#established(name, key)) return this.#make(owner, pair, trust)
    if (this.#pairs >= this.#limits.pairs) {
      this.folded += 1
      return this.#rest(OTHER, trust)
    }
    const rank = hashText(key)
    if (owner.ranks.size >= this.#limits.newPairsPerOwner) {
      if (rank >= owner.limit) return this.#rest(name, trust)
      this.#evict(owner, name, trust)
    }
    owner.ranks.set(key, rank)
    const made = this.#make(owner, pair, trust)
    if (owner.ranks.size >= this.#limits.newPairsPerOwner) owner.limit = largest(owner.ranks).rank
    return made
  }

  /** Accumulators by destination, in order of destination and key; verified before claimed. */
  *byOwner(): Generator<readonly [owner: string, pairs: PairAccumulator[]]> {
    const { verified, claimed } = this.#owners
    const names = [...new Set([...verified.keys(), ...claimed.keys()])].sort()
    for (const name of names) {
      yield [name, [...sorted(verified.get(name)), ...sorted(claimed.get(name))]] as const
    }
  }

  #owner(name: string, trust: Trust): Owner {
    const owners = this.#owners[trust]
    let owner = owners.get(name)
    if (owner === undefined) {
      owner = { pairs: new Map(), ranks: new Map(), limit: Number.POSITIVE_INFINITY }
      owners.set(name, owner)
    }
    return owner
  }

  #make(owner: Owner, pair: Pair, trust: Trust): PairAccumulator {
    const made = new PairAccumulator(pair, trust, this.start)
    owner.pairs.set(pair.key, made)
    this.#pairs += 1
    return made
  }

  #rest(destinationService: string, trust: Trust): PairAccumulator {
    const pair = {
      sourceIdentity: OTHER,
      sourceWorkload: '',
      sourceNamespace: '',
      sourceAddress: '',
      destinationService,
    }
    const key = pairKeyText(pair)
    const owner = this.#owner(destinationService, trust)
    return owner.pairs.get(key) ?? this.#make(owner, { pair, key }, trust)
  }

  #evict(owner: Owner, name: string, trust: Trust): void {
    const { key } = largest(owner.ranks)
    this.#rest(name, trust).merge(owner.pairs.get(key)!)
    owner.pairs.delete(key)
    owner.ranks.delete(key)
    this.#pairs -= 1
  }
}

function sorted(owner: Owner | undefined): PairAccumulator[] {
  if (owner === undefined) return []
  return [...owner.pairs.values()].sort((a, b) => (a.pair.key < b.pair.key ? -1 : 1))
}

function largest(ranks: ReadonlyMap<string, number>): { key: string; rank: number } {
  let most = { key: '', rank: -1 }
  for (const [key, rank] of ranks) if (rank > most.rank || (rank === most.rank && key > most.key)) most = { key, rank }
  return most
}
