/**
 * What detectors remember: per owner (destination service or source) and per pair. Plain data, written as msgpack when it
 * changed. Bounded per owner and in all; what is forgotten is counted.
 */
import { Packr } from 'msgpackr'
import type { StateWrite } from '../../core/bus/bus.ts'
import { DAY } from '../../core/clock.ts'
import { nameHash } from '../hash.ts'
import type { Crossing } from './crossing.ts'

interface PairEntry {
  key: string
  since: number
  last: number
  /** Windows it was seen in. */
  windows: number
  of: Record<string, object>
  crossing: Crossing | undefined
}

interface OwnerEntry {
  owner: string
  since: number
  last: number
  of: Record<string, object>
  pairs: Map<string, PairEntry>
}

export interface StateLimits {
  pairsPerOwner: number
  pairs: number
}

/** Comes first in order of key, before what needs it to be read. */
const STRUCTURES = 'a:structures'

export class KeyedState {
  /** Pairs forgotten for lack of room. */
  evicted = 0
  readonly #limits: StateLimits
  /** Names of fields are written once for all values: a pair's are half of what it holds. */
  #structures: object[] = []
  #packr = new Packr({ structures: this.#structures })
  #structuresWritten = 0
  readonly #owners = new Map<string, OwnerEntry>()
  readonly #dirtyOwners = new Set<string>()
  readonly #dirtyPairs = new Map<string, Set<string>>()
  readonly #gone = new Set<string>()
  #pairs = 0

  constructor(limits: StateLimits) {
    this.#limits = limits
  }

  get pairs(): number {
    return this.#pairs
  }

  /** Owner and pair as seen in a verified window that starts at `start`. */
  seen(owner: string, key: string, start: number): void {
    const own = this.#owner(owner, start)
    own.last = Math.max(own.last, start)
    let entry = own.pairs.get(key)
    if (entry === undefined) {
      entry = { key, since: start, last: start, windows: 0, of: {}, crossing: undefined }
      own.pairs.set(key, entry)
      this.#pairs += 1
    }
    entry.last = Math.max(entry.last, start)
    entry.windows += 1
    this.#dirtyOwners.add(owner)
    this.#changed(owner, key)
  }

  /** Calls of the pair that one end told of and the other not yet; of a pair never seen verified there are none. */
  settle(owner: string, key: string, next: (carried: Crossing | undefined) => Crossing | undefined): void {
    const entry = this.#owners.get(owner)?.pairs.get(key)
    if (entry !== undefined) entry.crossing = next(entry.crossing)
  }

  ownerSince(owner: string): number | undefined {
    return this.#owners.get(owner)?.since
  }

  pairSince(owner: string, key: string): number | undefined {
    return this.#owners.get(owner)?.pairs.get(key)?.since
  }

  /** Pairs of the owner seen at or after `time`. */
  activePairs(owner: string, time: number): number {
    let active = 0
    for (const { last } of this.#owners.get(owner)?.pairs.values() ?? []) if (last >= time) active += 1
    return active
  }

  /** The detector's data, or data that nobody keeps where the pair was never seen verified. */
  pair<T extends object>(owner: string, key: string, detector: string, fresh: () => T): T {
    const entry = this.#owners.get(owner)?.pairs.get(key)
    if (entry === undefined) return fresh()
    entry.of[detector] ??= fresh()
    this.#changed(owner, key)
    return entry.of[detector] as T
  }

  own<T extends object>(owner: string, detector: string, fresh: () => T): T {
    const entry = this.#owners.get(owner)
    if (entry === undefined) return fresh()
    entry.of[detector] ??= fresh()
    this.#dirtyOwners.add(owner)
    return entry.of[detector] as T
  }

  /** Known for a day by `time`: what is new cannot push it out. */
  established(owner: string, key: string, time: number): boolean {
    const since = this.pairSince(owner, key)
    return since !== undefined && since <= time - DAY
  }

  /** Forgets what is over the limits: first what is known for less than a day, then what was idle longest. */
  trim(): number {
    const before = this.evicted
    for (const own of this.#owners.values()) {
      const over = own.pairs.size - this.#limits.pairsPerOwner
      if (over > 0) for (const entry of leastWorth([...own.pairs.values()], over)) this.#forget(own, entry)
    }
    if (this.#pairs > this.#limits.pairs) {
      const all = [...this.#owners.values()].flatMap((own) =>
        [...own.pairs.values()].map((entry) => ({ ...entry, own })),
      )
      // A tenth at once, so that the sort is not paid for each new pair.
      const over = this.#pairs - Math.floor(this.#limits.pairs * 0.9)
      for (const { own, key } of leastWorth(all, over)) this.#forget(own, own.pairs.get(key)!)
    }
    return this.evicted - before
  }

  /** What changed since the last call. */
  flush(): StateWrite[] {
    const writes: StateWrite[] = [...this.#gone].map((key) => ({ key, value: null }))
    this.#gone.clear()
    for (const owner of this.#dirtyOwners) {
      const entry = this.#owners.get(owner)
      if (entry === undefined) continue
      const { since, last, of } = entry
      writes.push({ key: ownerStateKey(owner), value: this.#packr.pack([owner, since, last, of]) })
    }
    this.#dirtyOwners.clear()
    for (const [owner, keys] of this.#dirtyPairs) {
      for (const key of keys) {
        const entry = this.#owners.get(owner)?.pairs.get(key)
        if (entry === undefined) continue
        const { since, last, windows, of, crossing } = entry
        const value = this.#packr.pack([
          owner,
          key,
          since,
          last,
          windows,
          of,
          ...(crossing === undefined ? [] : [crossing]),
        ])
        writes.push({ key: pairStateKey(owner, key), value })
      }
    }
    this.#dirtyPairs.clear()
    if (this.#structures.length > this.#structuresWritten) {
      this.#structuresWritten = this.#structures.length
      writes.push({ key: STRUCTURES, value: Buffer.from(JSON.stringify(this.#structures)) })
    }
    return writes
  }

  /** Takes one committed value back; false where the key is not one of ours. */
  load(stateKey: string, value: Uint8Array): boolean {
    if (stateKey === STRUCTURES) {
      this.#structures = JSON.parse(Buffer.from(value).toString()) as object[]
      this.#packr = new Packr({ structures: this.#structures })
      this.#structuresWritten = this.#structures.length
      return true
    }
    if (stateKey.startsWith('o:')) {
      const [owner, since, last, of] = this.#packr.unpack(value) as [string, number, number, Record<string, object>]
      Object.assign(this.#owner(owner, since), { since, last, of })
      return true
    }
    if (!stateKey.startsWith('p:')) return false
    const [owner, key, since, last, windows, of, crossing] = this.#packr.unpack(value) as [
      string,
      string,
      number,
      number,
      number,
      Record<string, object>,
      Crossing?,
    ]
    this.#owner(owner, since).pairs.set(key, { key, since, last, windows, of, crossing })
    this.#pairs += 1
    return true
  }

  #changed(owner: string, key: string): void {
    let keys = this.#dirtyPairs.get(owner)
    if (keys === undefined) {
      keys = new Set()
      this.#dirtyPairs.set(owner, keys)
    }
    keys.add(key)
  }

  #owner(owner: string, start: number): OwnerEntry {
    let entry = this.#owners.get(owner)
    if (entry === undefined) {
      entry = { owner, since: start, last: start, of: {}, pairs: new Map() }
      this.#owners.set(owner, entry)
    }
    return entry
  }

  #forget(own: OwnerEntry, entry: PairEntry): void {
    own.pairs.delete(entry.key)
    this.#pairs -= 1
    this.evicted += 1
    this.#gone.add(pairStateKey(own.owner, entry.key))
    if (own.pairs.size > 0) return
    this.#owners.delete(own.owner)
    this.#gone.add(ownerStateKey(own.owner))
  }
}

function leastWorth<E extends PairEntry>(entries: E[], count: number): E[] {
  const young = ({ since, last }: PairEntry) => last - since < DAY
  return entries
    .sort((a, b) => Number(young(b)) - Number(young(a)) || a.last - b.last || (a.key < b.key ? -1 : 1))
    .slice(0, count)
}

// Identities may be longer than a key of the store may be.
function ownerStateKey(owner: string): string {
  return `o:${nameHash([owner])}`
}

function pairStateKey(owner: string, key: string): string {
  return `p:${nameHash([owner, key])}`
}
