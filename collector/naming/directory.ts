/**
 * Which identity lives at an address, learned from handshakes: an address whose certificate a verified reporter has seen proven
 * by mutual TLS within the last ten minutes. Two identities at one address within that time make it unknown.
 *
 * What it says annotates calls (origin `learned`) and nothing else: it never touches the destination service, by which calls are
 * partitioned, nor a name that has another origin. Times are the calls' own, so that a replay learns the same.
 *
 * What a delivery teaches is known once that delivery is durable (docs/decisions/005-learned-names.md): `learn` only notes it,
 * the publisher takes the notes, and hands them back to `know` when the log has them. What it teaches is news as long as other
 * collectors may not know it, whoever taught it first (others.ts).
 */
import type { Call, Origin } from '../../core/call.ts'
import { MINUTE } from '../../core/clock.ts'
import { gather, isNews, joined, type LearnedName, says } from './learned-name.ts'

/** A name holds while less than so many minutes lie between the call and the last handshake: nine to ten minutes of time. */
export const LEARNED_FOR_MINUTES = 10
/** Forgotten when so much older than the newest: calls that come so late get no learned name. */
export const KEPT_MINUTES = 60
/** About 20 MB. Past it the address that was longest not refreshed goes first. */
export const MAX_LEARNED_ADDRESSES = 100_000
/** Longer texts are no address, and no identity that a mesh gives (Kubernetes allows about 580 characters). */
const MAX_ADDRESS_CHARS = 128
const MAX_IDENTITY_CHARS = 1024

/** What `know` has changed. */
export interface Changes {
  changed: LearnedName[]
  /** Addresses that are too old, or for which there was no room. */
  forgotten: string[]
}

/** What was noted since the last time. */
export interface Taught {
  names: readonly LearnedName[]
  /** Whether other collectors may not know what was proved, be it known here or not. */
  isNews: boolean
}

const NOTHING: Taught = { names: [], isNews: false }

export class Directory {
  readonly #limit: number
  readonly #newsMs: number
  /** What was longest not refreshed comes first. */
  readonly #names = new Map<string, LearnedName>()
  /** Learned, not taken yet. */
  readonly #noted = new Map<string, LearnedName>()
  #notedNews = false
  /** When news came of an address, by `performance.now()`; the oldest come first. */
  readonly #news = new Map<string, number>()
  #newest = 0

  /** What `know` has told less than `newsMs` ago may be news to others; 0 where there are none. */
  constructor(limit = MAX_LEARNED_ADDRESSES, newsMs = 0) {
    this.#limit = limit
    this.#newsMs = newsMs
  }

  get size(): number {
    return this.#names.size
  }

  /** What it knows; what was longest not refreshed comes first. */
  names(): LearnedName[] {
    return [...this.#names.values()]
  }

  /** Notes what a verified call proves of its peer's address. Most calls cost one look-up: they prove what is known. */
  learn(call: Call): void {
    if (call.trust !== 'verified' || call.tlsState !== 'mutual' || call.tlsFailure !== '') return
    if (call.reporter === 'destination') {
      if (call.sourceIdentityOrigin === 'record') this.#note(call.sourceAddress, call.sourceIdentity, call.end)
    } else if (call.reporter === 'source' && call.destinationIdentityOrigin === 'record') {
      this.#note(call.destinationAddress, call.destinationIdentity, call.end)
    }
  }

  /** What was noted since the last time: to be made durable, and then known; or dropped with the delivery that taught it. */
  take(): Taught {
    if (this.#noted.size === 0 && !this.#notedNews) return NOTHING
    const taught = { names: [...this.#noted.values()], isNews: this.#notedNews }
    this.#noted.clear()
    this.#notedNews = false
    return taught
  }

  /** Takes in what is durable. In any order, any number of times: it comes out the same, short of the limit. */
  know(names: readonly LearnedName[]): Changes {
    if (names.length === 0) return { changed: [], forgotten: [] }
    const newestBefore = this.#newest
    const changed = new Map<string, LearnedName>()
    for (const name of [...names].sort((a, b) => a.seen - b.seen)) {
      if (name.seen < this.#newest - KEPT_MINUTES) continue
      const before = this.#names.get(name.address)
      const now = before === undefined ? name : joined(before, name)
      if (now === before) continue
      this.#names.delete(name.address)
      this.#names.set(name.address, now)
      if (this.#newsMs > 0 && isNews(before, now)) this.#setNews(name.address)
      changed.set(name.address, now)
      this.#newest = Math.max(this.#newest, now.seen)
    }
    const forgotten = this.#newest > newestBefore ? this.#forgetOld() : []
    while (this.#names.size > this.#limit) forgotten.push(this.#forgetFirst())
    for (const address of forgotten) changed.delete(address)
    return { changed: [...changed.values()], forgotten }
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
    const known = this.#names.get(address)
    if (known === undefined) return ''
    const minute = Math.floor(at / MINUTE)
    if (Math.abs(minute - known.seen) >= LEARNED_FOR_MINUTES) return ''
    // Whole minutes: a name is given up rather early, a doubt rather late.
    return Math.abs(minute - known.disputed) <= LEARNED_FOR_MINUTES ? '' : known.identity
  }

  #note(address: string, identity: string, at: number): void {
    const minute = Math.floor(at / MINUTE)
    const known = this.#names.get(address)
    if (this.#isNews(address)) this.#notedNews = true
    if (known !== undefined && says(known, identity, minute)) return
    if (address === '' || minute < this.#newest - KEPT_MINUTES) return
    if (address.length > MAX_ADDRESS_CHARS || identity.length > MAX_IDENTITY_CHARS) return
    const name = { address, identity, seen: minute, disputed: 0 }
    if (isNews(known, known === undefined ? name : joined(known, name))) this.#notedNews = true
    gather(this.#noted, name)
  }

  #setNews(address: string): void {
    const now = performance.now()
    this.#forgetNews(now)
    this.#news.delete(address)
    this.#news.set(address, now)
  }

  #isNews(address: string): boolean {
    if (this.#news.size === 0) return false
    this.#forgetNews(performance.now())
    return this.#news.has(address)
  }

  #forgetNews(now: number): void {
    for (const [address, ms] of this.#news) {
      if (ms >= now - this.#newsMs) return
      this.#news.delete(address)
    }
  }

  #forgetOld(): string[] {
    const old: string[] = []
    for (const [address, { seen }] of this.#names) if (seen < this.#newest - KEPT_MINUTES) old.push(address)
    for (const address of old) this.#names.delete(address)
    return old
  }

  #forgetFirst(): string {
    const [first] = this.#names.keys()
    this.#names.delete(first!)
    return first!
  }
}

function isUnnamed(origin: Origin): boolean {
  return origin === 'none' || origin === 'learned'
}
