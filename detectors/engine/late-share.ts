/**
 * Calls of each pair that came after their window was closed, since the last close. A pair whose telemetry is late by the lateness
 * and more is late in the window that closes now as well. By pair, so that nothing hangs on who shares a partition.
 */
import type { PairWindow } from '../window.ts'

const MOST_PAIRS = 10_000
const LEAST_CALLS = 3
const SHARE = 0.05

export class LateShare {
  #calls = new Map<string, number>()

  /** A window of late calls. Only verified ones count: nobody blinds the view of others by claims. */
  add(window: PairWindow): void {
    const { key, trust } = window
    if (trust === 'claimed') return
    const known = this.#calls.get(key)
    if (known !== undefined || this.#calls.size < MOST_PAIRS) this.#calls.set(key, (known ?? 0) + reportsIn(window))
  }

  /** True where so many of a pair's calls are late that the window must lack some too. */
  spoils(window: PairWindow): boolean {
    const late = window.trust === 'verified' ? (this.#calls.get(window.key) ?? 0) : 0
    return late >= LEAST_CALLS && late > SHARE * (late + reportsIn(window))
  }

  clear(): void {
    if (this.#calls.size > 0) this.#calls = new Map()
  }

  snapshot(): [key: string, calls: number][] {
    return [...this.#calls]
  }

  restore(calls: readonly (readonly [key: string, calls: number])[]): void {
    this.#calls = new Map(calls)
  }
}

function reportsIn({ tallies }: PairWindow): number {
  return tallies.reduce((sum, tally) => tally.outcomes.reduce((calls, n) => calls + n, sum + tally.connections), 0)
}
