/**
 * Learning what is usual without being taught by an attacker: a thing becomes known after three calls in two different hours and a
 * day without an alarm on it. Until then it waits, and does not alarm again either. Plain data; things are 53-bit fingerprints.
 */
import { DAY, HOUR } from '../../core/clock.ts'

type Waiting = [thing: number, first: number, last: number, calls: number, hours: number]

export interface Quarantine {
  known: number[]
  waiting: Waiting[]
}

const MIN_CALLS = 3
const MIN_HOURS = 2

export function freshQuarantine(): Quarantine {
  return { known: [], waiting: [] }
}

export interface QuarantineCaps {
  known: number
  waiting: number
}

/** `new`: seen for the first time, or again after it was not learned for lack of calls. `full`: known things have no room left. */
export type Standing = 'known' | 'waiting' | 'new' | 'full'

/** Takes note of `calls` of `thing` in the window that starts at `start`. */
export function observe(
  quarantine: Quarantine,
  thing: number,
  start: number,
  calls: number,
  caps: QuarantineCaps,
): Standing {
  if (quarantine.known.includes(thing)) return 'known'
  const waiting = quarantine.waiting.find(([own]) => own === thing)
  if (waiting === undefined) {
    if (quarantine.known.length >= caps.known) return 'full'
    quarantine.waiting.push([thing, start, start, calls, 1])
    if (quarantine.waiting.length > caps.waiting) forgetOldest(quarantine)
    return 'new'
  }
  const [, first, last] = waiting
  if (hourOf(last) !== hourOf(start)) waiting[4] += 1
  waiting[2] = Math.max(last, start)
  waiting[3] += calls
  if (start - first < DAY) return 'waiting'
  if (waiting[3] >= MIN_CALLS && waiting[4] >= MIN_HOURS) {
    quarantine.known.push(thing)
    quarantine.waiting = quarantine.waiting.filter((own) => own !== waiting)
    return 'known'
  }
  // Its day is over and it has not become usual: it starts again, as new.
  waiting[1] = start
  waiting[3] = calls
  waiting[4] = 1
  return 'new'
}

/** An alarm on a waiting thing starts its day anew. */
export function alarmed(quarantine: Quarantine, thing: number, start: number): void {
  const waiting = quarantine.waiting.find(([own]) => own === thing)
  if (waiting !== undefined) waiting[1] = start
}

function hourOf(time: number): number {
  return Math.floor(time / HOUR)
}

function forgetOldest(quarantine: Quarantine): void {
  const oldest = [...quarantine.waiting].sort((a, b) => a[2] - b[2] || a[0] - b[0])[0]
  quarantine.waiting = quarantine.waiting.filter((own) => own !== oldest)
}
