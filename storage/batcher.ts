/**
 * Where batches are cut: by what is in the log, never by a clock or by how the bus hands records out. So after a crash the same
 * records make the same batches, and a repeated insert bears the same token.
 */
import { MINUTE, SECOND } from '../core/clock.ts'

export interface BatchLimits {
  maxRows: number
  maxBytes: number
  /** Log time from a batch's first record to where it is cut however small. With a tick to wait for, less than cli/lag-watch.ts allows. */
  patienceUs: number
}

export const BATCH_LIMITS: BatchLimits = {
  maxRows: 131_072,
  maxBytes: 32 * 1024 * 1024,
  patienceUs: 3 * SECOND,
}

/** With nothing to store, progress is still committed once in so much log time. */
const IDLE_US = MINUTE

export class Batcher {
  /** How far the log's time has come (core/log-time.ts), in microseconds. */
  time: number
  rows = 0
  #bytes = 0
  /** Time of the batch's first record; of the last cut where there is none. */
  #since: number
  readonly #limits: BatchLimits

  /** `time`: the log's time at the last cut; 0 at the start of the log. */
  constructor(time = 0, limits = BATCH_LIMITS) {
    this.time = time
    this.#since = time
    this.#limits = limits
  }

  /** A record joins the batch. True where the batch ends with it. */
  add(rows: number, bytes: number): boolean {
    if (this.#bytes === 0) this.#since = this.time
    this.rows += rows
    this.#bytes += bytes
    return this.rows >= this.#limits.maxRows || this.#bytes >= this.#limits.maxBytes
  }

  /** Time has come to `time`. True where the batch ends here. */
  tick(time: number): boolean {
    if (time > this.time) this.time = time
    return this.time - this.#since >= (this.#bytes === 0 ? IDLE_US : this.#limits.patienceUs)
  }

  /** The batch is cut; the next begins. */
  cut(): void {
    this.rows = 0
    this.#bytes = 0
    this.#since = this.time
  }
}
