/** Single records kept to show what is meant: by what they show, those with the smallest hashes. */
import type { Example } from '../detector.ts'
import { WINDOW_CAPS } from '../window.ts'

export type ExampleKind = 'denied' | 'tls_failure' | 'mismatch' | 'forbidden' | 'plaintext' | 'any'

interface Kept {
  hash: number
  example: Example
}

export class Examples {
  /** The one ordinary call: asked for with every row. */
  #any: Kept | undefined
  #kept: Map<ExampleKind, Kept[]> | undefined

  /** True where an example with this hash would be kept: spares the caller the work of making it. */
  wants(kind: ExampleKind, hash: number): boolean {
    if (kind === 'any') return this.#any === undefined || hash <= this.#any.hash
    const kept = this.#kept?.get(kind)
    return kept === undefined || kept.length < WINDOW_CAPS.examples || hash <= kept.at(-1)!.hash
  }

  add(kind: ExampleKind, hash: number, example: Example): void {
    if (kind === 'any') {
      const one = { hash, example }
      if (this.#any === undefined || compare(one, this.#any) < 0) this.#any = one
      return
    }
    this.#kept ??= new Map()
    const kept = this.#kept.get(kind) ?? []
    kept.push({ hash, example })
    kept.sort(compare)
    kept.length = Math.min(kept.length, WINDOW_CAPS.examples)
    this.#kept.set(kind, kept)
  }

  merge(other: Examples): void {
    if (other.#any !== undefined) this.add('any', other.#any.hash, other.#any.example)
    for (const [kind, kept] of other.#kept ?? []) for (const { hash, example } of kept) this.add(kind, hash, example)
  }

  byKind(): Record<string, Example[]> {
    const kinds: Record<string, Example[]> = {}
    if (this.#any !== undefined) kinds.any = [this.#any.example]
    for (const [kind, kept] of [...(this.#kept ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      kinds[kind] = kept.map(({ example }) => example)
    }
    return kinds
  }
}

function compare(a: Kept, b: Kept): number {
  return a.hash - b.hash || (JSON.stringify(a.example) < JSON.stringify(b.example) ? -1 : 1)
}
