/**
 * Where a role's time comes from. Only the edges (collector, alerts' outgoing side) hold a clock; detectors never do:
 * they see time as ticks in the log. The demo and replay put another clock in front of the same program.
 */
export interface Clock {
  /** Epoch microseconds. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() * 1000 }

/** A clock that somebody sets, read alike by all threads; it never goes back. */
export class SharedClock implements Clock {
  readonly memory: SharedArrayBuffer
  readonly #us: BigInt64Array<SharedArrayBuffer>

  constructor(memory = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#us = new BigInt64Array(memory)
  }

  now(): number {
    return Number(Atomics.load(this.#us, 0))
  }

  /** Whole microseconds. */
  set(us: number): void {
    if (us > this.now()) Atomics.store(this.#us, 0, BigInt(us))
  }
}

export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
