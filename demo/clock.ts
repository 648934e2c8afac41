import type { Clock } from '../core/clock.ts'

/** Time as the simulation tells it; it never goes back. */
export class SimulatedClock implements Clock {
  #now: number

  constructor(startUs: number) {
    this.#now = startUs
  }

  now(): number {
    return this.#now
  }

  set(us: number): void {
    this.#now = Math.max(this.#now, us)
  }
}
