/**
 * Where batches are cut: by what is in the log, never by a clock or by how the bus hands records out. So after a crash the same
 * records make the same batches, and a repeated insert bears the same token.
 */
import { MINUTE, SECOND } from '../core/clock.ts'

export interface BatchLimits {
  maxRows: number
  maxBytes: number
  /** Steps of log time (a second or more each) after which a batch is cut however small. */
  patience: number
}

export const BATCH_LIMITS: BatchLimits = {
  maxRows: 131_072,
  maxBytes: 32 * 1024 * 1024,
  patience: 3,
}

/** With nothing to store, progress is still committed once in so much log time. */
const IDLE_US = MINUTE

export class Batcher {
  /** How far the log's time has come (core/log-time.ts), in microseconds. */
  time: number
  rows = 0
  #bytes = 0
  #steps = 0
  /** Time of the last step, or of the last cut. */
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
    this.rows += rows
    this.#bytes += bytes
    return this.rows >= this.#limits.maxRows || this.#bytes >= this.#limits.maxBytes
  }

  /** Time has come to `time`. True where the batch ends here. */
  tick(time: number): boolean {
    if (time > this.time) this.time = time
    if (this.time - this.#since < SECOND) return false
    if (this.#bytes === 0) return this.time - this.#since >= IDLE_US
    this.#since = this.time
    this.#steps += 1
    return this.#steps >= this.#limits.patience
  }

  /** The batch is cut; the next begins. */
  cut(): void {
    this.rows = 0
    this.#bytes = 0
    this.#steps = 0
    this.#since = this.time
  }
}
