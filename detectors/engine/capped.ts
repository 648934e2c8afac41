/**
 * A map of at most `cap` entries in which order of arrival does not matter: the entries with the smallest hashes stay, the rest is
 * merged into one.
 */
import { hashText } from '../hash.ts'

interface Entry<T> {
  key: EntryKey
  value: T
}

/** What an entry is known by; made once where it is met often. */
export interface EntryKey {
  parts: readonly string[]
  /** A text that no other parts have. */
  text: string
  rank: number
}

export function entryKey(parts: readonly string[]): EntryKey {
  const text = joined(parts)
  return { parts, text, rank: hashText(text) }
}

/** Each part preceded by its length. */
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

  at(bucket: readonly string[], entry: EntryKey): T {
    return this.#bucket(joined(bucket), bucket).at(entry)
  }

  merge(other: Buckets<T>): void {
    for (const [key, capped] of other.#buckets ?? []) this.#bucket(key, capped.bucket).merge(capped)
  }

  /** In order of key; the rest of a bucket comes last in it. */
  values(): T[] {
    if (this.#buckets === undefined) return []
    return [...this.#buckets].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, capped]) => capped.values())
  }

  rests(): T[] {
    if (this.#buckets === undefined) return []
    return [...this.#buckets.values()].flatMap((capped) => capped.rest ?? [])
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

export class Capped<T> {
  readonly #options: CappedOptions<T>
  readonly bucket: readonly string[]
  readonly #entries = new Map<string, Entry<T>>()
  #limit = Number.POSITIVE_INFINITY
  rest: T | undefined

  constructor(options: CappedOptions<T>, bucket: readonly string[]) {
    this.#options = options
    this.bucket = bucket
  }

  at(key: EntryKey): T {
    const known = this.#entries.get(key.text)
    if (known !== undefined) return known.value
    if (this.#entries.size >= this.#options.cap) {
      if (key.rank >= this.#limit) return this.#common()
      this.#evict()
    }
    const value = this.#options.make([...this.bucket, ...key.parts])
    this.#entries.set(key.text, { key, value })
    if (this.#entries.size >= this.#options.cap) this.#limit = this.#largest().key.rank
    return value
  }

  merge(other: Capped<T>): void {
    for (const { key, value } of other.#entries.values()) this.#options.merge(this.at(key), value)
    if (other.rest !== undefined) this.#options.merge(this.#common(), other.rest)
  }

  values(): T[] {
    const sorted = [...this.#entries.values()]
      .sort(({ key: a }, { key: b }) => (a.text < b.text ? -1 : 1))
      .map(({ value }) => value)
    return this.rest === undefined ? sorted : [...sorted, this.rest]
  }

  #common(): T {
    this.rest ??= this.#options.make([...this.bucket, ...this.#options.rest])
    return this.rest
  }

  #evict(): void {
    const { key, value } = this.#largest()
    this.#options.merge(this.#common(), value)
    this.#entries.delete(key.text)
  }

  #largest(): Entry<T> {
    let largest: Entry<T> | undefined
    for (const entry of this.#entries.values()) {
      const { rank, text } = entry.key
      if (largest === undefined || rank > largest.key.rank || (rank === largest.key.rank && text > largest.key.text)) {
        largest = entry
      }
    }
    return largest!
  }
}

/** At most `cap` distinct texts, those with the smallest hashes. */
export class SmallestTexts {
  readonly #cap: number
  #texts: string[] = []
  #last = ''

  constructor(cap: number) {
    this.#cap = cap
  }

  add(text: string): void {
    // Mostly it is the one that came last.
    if (text === this.#last || text === '') return
    this.#last = text
    if (this.#texts.includes(text)) return
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
    return this.#texts.toSorted()
  }
}
