/** Sums of hits and trials over the last 10 s, minute and five minutes. Plain data, at most 6 + 5 slots. */
import { MINUTE } from '../../core/clock.ts'

type Slot = [start: number, hits: number, trials: number]

export interface Rolling {
  windows: Slot[]
  minutes: Slot[]
}

export interface Sums {
  hits: number
  trials: number
}

export const SCALES = [
  { name: '10 s', windows: 1 },
  { name: '60 s', windows: 6 },
  { name: '5 min', windows: 30 },
] as const

export function freshRolling(): Rolling {
  return { windows: [], minutes: [] }
}

/**
 * Adds the window that starts at `start`. Returns the sums of each scale that ends with it, and the last whole minute and five
 * minutes where this window is the first after them: those do not overlap and can be learned from.
 */
export function addWindow(
  rolling: Rolling,
  start: number,
  hits: number,
  trials: number,
): { sums: Sums[]; minute: (Sums & { start: number }) | undefined; five: (Sums & { start: number }) | undefined } {
  const minute = Math.floor(start / MINUTE) * MINUTE
  const before = rolling.minutes.at(-1)
  const minuteOver = before !== undefined && before[0] !== minute
  const fiveOver = minuteOver && fiveOf(before[0]) !== fiveOf(minute)
  const wholeMinute = minuteOver ? { start: before[0], hits: before[1], trials: before[2] } : undefined
  const wholeFive = fiveOver
    ? { start: fiveOf(before[0]), ...sum(rolling.minutes.filter(([at]) => fiveOf(at) === fiveOf(before[0]))) }
    : undefined
  rolling.windows = rolling.windows.filter(([at]) => at > start - MINUTE)
  rolling.windows.push([start, hits, trials])
  rolling.minutes = rolling.minutes.filter(([at]) => at > minute - 5 * MINUTE)
  const current = rolling.minutes.at(-1)
  if (current !== undefined && current[0] === minute) {
    current[1] += hits
    current[2] += trials
  } else rolling.minutes.push([minute, hits, trials])
  return { sums: [{ hits, trials }, sum(rolling.windows), sum(rolling.minutes)], minute: wholeMinute, five: wholeFive }
}

function fiveOf(time: number): number {
  return Math.floor(time / (5 * MINUTE)) * 5 * MINUTE
}

function sum(slots: readonly Slot[]): Sums {
  return slots.reduce((total, [, hits, trials]) => ({ hits: total.hits + hits, trials: total.trials + trials }), {
    hits: 0,
    trials: 0,
  })
}
