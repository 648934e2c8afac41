/**
 * Remembers verdicts by what they depend on. All but the path of a query becomes a number, its kind: found in a tree of maps, one level for
 * each attribute that can matter, so that nothing is concatenated and no hostile text runs into another. Who asks for many paths of one
 * kind looks for the kind once.
 *
 * Bounded. Two generations of verdicts stand in for "least recently used": when the young one is full it becomes the old one, and what is
 * asked again moves back, so that at most twice `LIMIT` are held; kinds are numbered anew when there are as many. Endless keys cost time, never memory.
 */
import type { AccessQuery, Verdict } from './policy.ts'

export type Attribute = (query: AccessQuery) => string | number

type Branch = Map<string | number, Branch | number>
type Verdicts = Map<number, Map<string, Verdict>>

const LIMIT = 16_384
/** Calls with longer texts are decided each time. */
const MAX_TEXT_LENGTH = 1024
/** The kind of such a call. */
const NONE = 0

export class VerdictCache {
  readonly #attributes: readonly Attribute[]
  readonly #usesPath: boolean
  #kinds: Branch = new Map()
  #kindsHeld = 0
  /** No number is ever given to a second kind. */
  #lastKind = NONE
  #young: Verdicts = new Map()
  #old: Verdicts = new Map()
  #size = 0

  /** @param attributes what can matter beside the path, at least one */
  constructor(attributes: readonly Attribute[], usesPath: boolean) {
    this.#attributes = attributes
    this.#usesPath = usesPath
  }

  /** All queries of one kind that have the same path have the same verdict. */
  kindOf(query: AccessQuery): number {
    const keys = this.#attributes.map((read) => read(query))
    if (keys.some((key) => typeof key === 'string' && key.length > MAX_TEXT_LENGTH)) return NONE
    const last = keys.pop()!
    let branch = this.#kinds
    for (const key of keys) branch = below(branch, key)
    const known = branch.get(last) as number | undefined
    if (known !== undefined) return known
    this.#lastKind += 1
    this.#kindsHeld += 1
    branch.set(last, this.#lastKind)
    if (this.#kindsHeld >= LIMIT) {
      this.#kinds = new Map()
      this.#kindsHeld = 0
    }
    return this.#lastKind
  }

  get(kind: number, path: string): Verdict | undefined {
    const key = this.#usesPath ? path : ''
    const young = this.#young.get(kind)?.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(kind)?.get(key)
    if (old !== undefined) this.set(kind, path, old)
    return old
  }

  set(kind: number, path: string, verdict: Verdict): void {
    const key = this.#usesPath ? path : ''
    if (kind === NONE || key.length > MAX_TEXT_LENGTH) return
    if (this.#size >= LIMIT) {
      this.#old = this.#young
      this.#young = new Map()
      this.#size = 0
    }
    const verdicts = this.#young.get(kind)
    if (verdicts === undefined) this.#young.set(kind, new Map([[key, verdict]]))
    else verdicts.set(key, verdict)
    this.#size += 1
  }
}

function below(branch: Branch, key: string | number): Branch {
  let next = branch.get(key) as Branch | undefined
  if (next === undefined) {
    next = new Map()
    branch.set(key, next)
  }
  return next
}
