/**
 * A map of at most `cap` entries in which order of arrival does not matter: the entries with the smallest hashes stay, the rest is
 * merged into one.
 */
import { hashText } from '../hash.ts'

interface Entry<T> {
  rank: number
  parts: readonly string[]
  value: T
}

/** A text that no other parts have: each preceded by its length. */
function joined(parts: readonly string[]): string {
  let key = ''
  for (const part of parts) key += `${part.length}:${part}`
  return key
}

export interface CappedOptions<T> {
  cap: number
  /** Parts of the common rest's key, after those of the bucket. */
  rest: readonly string[]
  make: (parts: readonly string[]) => T
  merge: (into: T, from: T) => void
}

/** One capped map per bucket. Buckets must be few by their nature; what a hostile sender can vary belongs in the entry's key. */
export class Buckets<T> {
  readonly #options: CappedOptions<T>
  #buckets: Map<string, Capped<T>> | undefined

  constructor(options: CappedOptions<T>) {
    this.#options = options
  }

  at(bucket: readonly string[], entry: readonly string[]): T {
    return this.#bucket(joined(bucket), bucket).at(joined(entry), entry)
  }

  merge(other: Buckets<T>): void {
    for (const [key, capped] of other.#buckets ?? []) this.#bucket(key, capped.bucket).merge(capped)
  }

  /** In order of key; the rest of a bucket comes last in it. */
  values(): T[] {
    return [...(this.#buckets ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, capped]) => capped.values())
  }

  rests(): T[] {
    return [...(this.#buckets?.values() ?? [])].flatMap((capped) => capped.rest ?? [])
  }

  #bucket(key: string, bucket: readonly string[]): Capped<T> {
    this.#buckets ??= new Map()
    let capped = this.#buckets.get(key)
    if (capped === undefined) {
      capped = new Capped(this.#options, bucket)
      this.#buckets.set(key, capped)
    }
    return capped
  }
}

class Capped<T> {
  readonly #options: CappedOptions<T>
  readonly bucket: readonly string[]
  readonly #entries = new Map<string, Entry<T>>()
  #limit = Number.POSITIVE_INFINITY
  rest: T | undefined

  constructor(options: CappedOptions<T>, bucket: readonly string[]) {
    this.#options = options
    this.bucket = bucket
  }

  at(key: string, parts: readonly string[]): T {
    const known = this.#entries.get(key)
    if (known !== undefined) return known.value
    const rank = hashText(key)
    if (this.#entries.size >= this.#options.cap) {
      if (rank >= this.#limit) return this.#common()
      this.#evict()
    }
    const value = this.#options.make([...this.bucket, ...parts])
    this.#entries.set(key, { rank, parts, value })
    if (this.#entries.size >= this.#options.cap) this.#limit = this.#largest().rank
    return value
  }

  merge(other: Capped<T>): void {
    for (const [key, { parts, value }] of other.#entries) this.#options.merge(this.at(key, parts), value)
    if (other.rest !== undefined) this.#options.merge(this.#common(), other.rest)
  }

  values(): T[] {
    const sorted = [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry.value)
    return this.rest === undefined ? sorted : [...sorted, this.rest]
  }

  #common(): T {
    this.rest ??= this.#options.make([...this.bucket, ...this.#options.rest])
    return this.rest
  }

  #evict(): void {
    const { key, value } = this.#largest()
    this.#options.merge(this.#common(), value)
    this.#entries.delete(key)
  }

  #largest(): { key: string; rank: number; value: T } {
    let largest = { key: '', rank: -1, value: undefined as T }
    for (const [key, { rank, value }] of this.#entries) {
      if (rank > largest.rank || (rank === largest.rank && key > largest.key)) largest = { key, rank, value }
    }
    return largest
  }
}

/** At most `cap` distinct texts, those with the smallest hashes. */
export class SmallestTexts {
  readonly #cap: number
  #texts: string[] = []

  constructor(cap: number) {
    this.#cap = cap
  }

  add(text: string): void {
    if (text === '' || this.#texts.includes(text)) return
    this.#texts.push(text)
    if (this.#texts.length > this.#cap) {
      this.#texts.sort((a, b) => hashText(a) - hashText(b) || (a < b ? -1 : 1))
      this.#texts.length = this.#cap
    }
  }

  addAll(texts: Iterable<string>): void {
    for (const text of texts) this.add(text)
  }

  sorted(): string[] {
    return [...this.#texts].sort()
  }
}
