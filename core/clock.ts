/**
 * Where a role's time comes from. Only the edges (collector, alerts' outgoing side) hold a clock; detectors never do:
 * they see time as ticks in the log. The demo and replay put another clock in front of the same program.
 */
export interface Clock {
  /** Epoch microseconds. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() * 1000 }

export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
