/**
 * Remembers verdicts in a tree of maps, one level for each attribute that can matter: nothing is concatenated, so no hostile
 * text runs into another, and a hit costs a look-up per level. Two generations stand in for "least recently used": when the
 * young one is full it becomes the old one, and what is asked again moves back. So it holds at most twice `LIMIT` verdicts, and
 * endless keys cost time, never memory.
 */
import type { AccessQuery, Verdict } from './policy.ts'

export type Attribute = (query: AccessQuery) => string | number

type Branch = Map<string | number, Branch | Verdict>

const LIMIT = 16_384
/** Calls with longer texts (paths) are decided each time. */
const MAX_TEXT_LENGTH = 1024

export class VerdictCache {
  readonly #attributes: readonly Attribute[]
  #young: Branch = new Map()
  #old: Branch = new Map()
  #size = 0

  constructor(attributes: readonly Attribute[]) {
    this.#attributes = attributes
  }

  get(query: AccessQuery): Verdict | undefined {
    const young = this.#find(this.#young, query)
    if (young !== undefined) return young
    const old = this.#find(this.#old, query)
    if (old !== undefined) this.set(query, old)
    return old
  }

  set(query: AccessQuery, verdict: Verdict): void {
    const keys = this.#attributes.map((read) => read(query))
    if (keys.some((key) => typeof key === 'string' && key.length > MAX_TEXT_LENGTH)) return
    if (this.#size >= LIMIT) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    let branch = this.#young
    for (const key of keys.slice(0, -1)) {
      let next = branch.get(key) as Branch | undefined
      if (next === undefined) {
        next = new Map()
        branch.set(key, next)
      }
      branch = next
    }
    branch.set(keys.at(-1)!, verdict)
    this.#size++
  }

  #find(root: Branch, query: AccessQuery): Verdict | undefined {
    let at: Branch | Verdict | undefined = root
    for (const read of this.#attributes) {
      at = (at as Branch).get(read(query))
      if (at === undefined) return undefined
    }
    return at as Verdict
  }
}
