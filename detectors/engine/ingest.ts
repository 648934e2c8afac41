/** Puts the rows of blocks into open windows. */
import type { Trust } from '../../core/call.ts'
import { MINUTE } from '../../core/clock.ts'
import { type PairWindow, WINDOW_US } from '../window.ts'
import { PairAccumulator } from './accumulator.ts'
import type { StageCounts } from './counts.ts'
import { byGroup } from './grouping.ts'
import { OpenWindow } from './open-window.ts'
import { PairTable } from './pair-table.ts'
import type { ReadBlock } from './read-block.ts'
import { BlockRows, FACT } from './rows.ts'
import type { KeyedState } from './state.ts'

/** The collector clamps times to a minute ahead; what is further ahead of the log than this has no window. */
const MAX_AHEAD_US = 2 * MINUTE
/** Pairs open in one window in all. */
const MAX_OPEN_PAIRS = 100_000

/** Where in the log a record stands. */
export interface Moment {
  offset: number
  newestTick: number
  /** Windows that end at or before it are closed. */
  closed: number
}

export class Ingest {
  readonly #open = new Map<number, OpenWindow>()
  readonly #pairs = new PairTable()
  readonly #newPairsPerOwner: number
  readonly #state: KeyedState
  readonly #counts: StageCounts

  constructor(newPairsPerOwner: number, state: KeyedState, counts: StageCounts) {
    this.#newPairsPerOwner = newPairsPerOwner
    this.#state = state
    this.#counts = counts
  }

  /** Adds the rows but those with 1 in `skip`; gives back those that have no open window, as windows of their own. */
  add(read: ReadBlock, skip: Uint8Array | undefined, moment: Moment): PairWindow[] {
    const rows = new BlockRows(read, this.#pairs)
    const late: PairAccumulator[] = []
    const order = byGroup(rows.cells, skip)
    let cell = -1
    let accumulator: PairAccumulator | undefined
    let outside: 'late' | 'ahead' | undefined
    for (const row of order) {
      if (rows.cells.of[row] !== cell || accumulator === undefined) {
        cell = rows.cells.of[row]!
        const start = rows.windowStart(row)
        const pair = rows.pair(row)
        const trust: Trust = (rows.facts[row]! & FACT.verified) === 0 ? 'claimed' : 'verified'
        outside = place(start, moment)
        if (outside === undefined) accumulator = this.#window(start, moment).at(pair, trust)
        else {
          accumulator = new PairAccumulator(pair, trust, start)
          late.push(accumulator)
        }
      }
      accumulator.add(rows, row)
      if (outside !== undefined) this.#counts[outside] += rows.weight[row]!
    }
    return late.map((own) => own.finish(true))
  }

  /** Takes out the windows that end at or before `through`, in order. */
  close(through: number): OpenWindow[] {
    const starts = [...this.#open.keys()].filter((start) => start + WINDOW_US <= through).sort((a, b) => a - b)
    return starts.map((start) => {
      const window = this.#open.get(start)!
      this.#open.delete(start)
      this.#counts.folded += window.folded
      return window
    })
  }

  /** The open window whose first record is the earliest. */
  first(): OpenWindow | undefined {
    return [...this.#open.values()].sort((a, b) => a.firstOffset - b.firstOffset)[0]
  }

  #window(start: number, moment: Moment): OpenWindow {
    let window = this.#open.get(start)
    if (window === undefined) {
      // Who was established is asked as of ten minutes ago, when all windows before this one are surely closed.
      const asOf = start - 10 * MINUTE
      const limits = { newPairsPerOwner: this.#newPairsPerOwner, pairs: MAX_OPEN_PAIRS }
      window = new OpenWindow(start, moment, limits, (owner, key) => this.#state.established(owner, key, asOf))
      this.#open.set(start, window)
    }
    return window
  }
}

function place(start: number, { newestTick, closed }: Moment): 'late' | 'ahead' | undefined {
  if (newestTick > 0 && start > newestTick + MAX_AHEAD_US) return 'ahead'
  return start + WINDOW_US > closed ? undefined : 'late'
}
