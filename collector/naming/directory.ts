/**
 * Which identity lives at an address, learned from handshakes: an address whose certificate a verified reporter has seen proven
 * by mutual TLS within the last ten minutes. Two identities at one address within that time make it unknown.
 *
 * What it says annotates calls (origin `learned`) and nothing else: it never touches the destination service, by which calls are
 * partitioned, nor a name that has another origin. Times are the calls' own, so that a replay learns the same.
 */
import type { Call, Origin } from '../../core/call.ts'
import { MINUTE } from '../../core/clock.ts'

export const LEARNED_FOR_US = 10 * MINUTE
/** About 20 MB. Past it the address that was longest not refreshed goes first. */
export const MAX_LEARNED_ADDRESSES = 100_000
/** An entry is not written again within this time: most calls cost one look-up. */
const REFRESH_US = MINUTE

interface Entry {
  identity: string
  seen: number
  /** When another identity was last seen here. */
  disputed: number
}

export class Directory {
  readonly #limit: number
  readonly #entries = new Map<string, Entry>()

  constructor(limit = MAX_LEARNED_ADDRESSES) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /** Takes what a verified call proved of its peer's address. */
  learn(call: Call): void {
    if (call.trust !== 'verified' || call.tlsState !== 'mutual' || call.tlsFailure !== '') return
    if (call.reporter === 'destination') {
      if (call.sourceIdentityOrigin === 'record') this.#see(call.sourceAddress, call.sourceIdentity, call.end)
    } else if (call.reporter === 'source' && call.destinationIdentityOrigin === 'record') {
      this.#see(call.destinationAddress, call.destinationIdentity, call.end)
    }
  }

  /** Names the ends that nothing else names; also those that were learned of another time. */
  annotate(call: Call): void {
    if (isUnnamed(call.sourceIdentityOrigin)) {
      call.sourceIdentity = this.identityAt(call.sourceAddress, call.end)
      call.sourceIdentityOrigin = call.sourceIdentity === '' ? 'none' : 'learned'
    }
    if (isUnnamed(call.destinationIdentityOrigin)) {
      call.destinationIdentity = this.identityAt(call.destinationAddress, call.end)
      call.destinationIdentityOrigin = call.destinationIdentity === '' ? 'none' : 'learned'
    }
  }

  /** The identity at an address at a time (epoch microseconds), '' where unknown or disputed. */
  identityAt(address: string, at: number): string {
    const entry = this.#entries.get(address)
    if (entry === undefined || Math.abs(at - entry.seen) > LEARNED_FOR_US) return ''
    return Math.abs(at - entry.disputed) <= LEARNED_FOR_US ? '' : entry.identity
  }

  #see(address: string, identity: string, at: number): void {
    if (address === '') return
    const entry = this.#entries.get(address)
    if (entry === undefined) {
      if (this.#entries.size >= this.#limit) this.#evict()
      this.#entries.set(address, { identity, seen: at, disputed: Number.NEGATIVE_INFINITY })
    } else if (entry.identity === identity) {
      if (at - entry.seen < REFRESH_US) return
      entry.seen = at
      this.#entries.delete(address)
      this.#entries.set(address, entry)
    } else {
      if (Math.abs(at - entry.seen) <= LEARNED_FOR_US) entry.disputed = Math.max(entry.disputed, at)
      if (at > entry.seen) {
        entry.identity = identity
        entry.seen = at
      }
    }
  }

  #evict(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

function isUnnamed(origin: Origin): boolean {
  return origin === 'none' || origin === 'learned'
}
