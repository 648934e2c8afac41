/**
 * Remembers verdicts. Two generations stand in for "least recently used": when the young one is full it becomes the old one, and
 * what is asked again moves back. So it holds at most twice `LIMIT` keys, and endless keys cost time, never memory.
 */
import type { Verdict } from './policy.ts'

const LIMIT = 16_384
/** Longer keys (long paths) are decided each time. */
const MAX_KEY_LENGTH = 1024

export class VerdictCache {
  #young = new Map<string, Verdict>()
  #old = new Map<string, Verdict>()

  get(key: string): Verdict | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, verdict: Verdict): void {
    if (key.length > MAX_KEY_LENGTH) return
    if (this.#young.size >= LIMIT) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, verdict)
  }
}
