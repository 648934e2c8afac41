/**
 * Results of several steps that become one transaction: a transaction costs the same however little is in it. Others wait for what is
 * published, so that goes out soon; the rest is for a restart, and may wait.
 */
import type { Publication, StateWrite, StepResult } from '../bus.ts'
import type { Offsets } from './state-record.ts'

const PUBLISHED_AFTER_MS = 200
const COMMITTED_AFTER_MS = 1000
/** A transaction takes no further step once it holds so much. */
const FULL_BYTES = 16 * 1024 * 1024

export interface Gathered {
  offsets: Offsets
  publish: readonly Publication[]
  state: readonly StateWrite[]
}

export class Gathering {
  #offsets: Offsets | undefined
  #publish: Publication[] = []
  /** The last write of each key. */
  #state = new Map<string, StateWrite>()
  #bytes = 0
  #takenAt = Number.NEGATIVE_INFINITY
  readonly #now: () => number

  /** `now`: milliseconds that never run backwards. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add({ publish = [], state = [] }: StepResult, offsets: Offsets): void {
    this.#offsets = offsets
    for (const publication of publish) this.#publish.push(publication)
    for (const write of state) this.#state.set(write.key, write)
    for (const { value } of [...publish, ...state]) this.#bytes += value?.length ?? 0
  }

  /** Milliseconds until it is to be committed; undefined where it holds nothing. */
  get dueInMs(): number | undefined {
    if (this.#offsets === undefined) return undefined
    if (this.#bytes >= FULL_BYTES) return 0
    const pause = this.#publish.length > 0 ? PUBLISHED_AFTER_MS : COMMITTED_AFTER_MS
    return Math.max(0, this.#takenAt + pause - this.#now())
  }

  /** All of it; undefined where it holds nothing. */
  take(): Gathered | undefined {
    const offsets = this.#offsets
    if (offsets === undefined) return undefined
    const gathered = { offsets, publish: this.#publish, state: [...this.#state.values()] }
    this.#offsets = undefined
    this.#publish = []
    this.#state = new Map()
    this.#bytes = 0
    this.#takenAt = this.#now()
    return gathered
  }
}
