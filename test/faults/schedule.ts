/** When which fault strikes: a function of the seed, the faults and the number of stretches alone. */
import { seeded } from '../../demo/random.ts'
import type { Fault } from './fault.ts'

/** Played quietly before the first, and between two: a fault is over, and what it left has been taken up, when the next comes. */
const APART = 2
const MOST_AFTER_MS = 40

/** Another seed is another schedule; a failure is repeated with the seed that its run printed. */
export const SEED = Number(process.env.EASTWATCH_SEED ?? 17)

export interface Strike {
  fault: Fault
  /** Number of the stretch. */
  at: number
  phase: 'sending' | 'ticking'
  /** Within the phase, or a little beyond it. */
  afterMs: number
  choice: number
}

/** Each fault once, in an order of chance, one at a time. Throws where there are too few stretches for them. */
export function schedule(faults: readonly Fault[], stretches: number, seed: number): Strike[] {
  const random = seeded(seed)
  const order = [...faults]
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random.next() * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  const needed = order.reduce((sum, fault) => sum + APART + lengthOf(fault), APART)
  if (needed > stretches) throw new Error(`${faults.length} faults need ${needed} stretches, there are ${stretches}`)
  let spare = stretches - needed
  let at = APART
  return order.map((fault, i) => {
    const more = Math.floor((random.next() * 2 * spare) / (order.length - i))
    const pause = Math.min(more, spare)
    spare -= pause
    at += pause
    const phase = random.next() < 0.5 ? 'sending' : 'ticking'
    const strike: Strike = { fault, at, phase, afterMs: random.next() * MOST_AFTER_MS, choice: random.next() }
    at += lengthOf(fault) + APART
    return strike
  })
}

/** Stretches from the one that it strikes in to the one that it is healed in. */
export function lengthOf({ stretches = 0 }: Fault): number {
  return stretches + 1
}
