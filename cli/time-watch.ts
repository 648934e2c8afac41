/** Whether the log's time still comes to the end of the pipeline. Where it does not, no window is judged, though no group may lag. */

import { type Clock, MINUTE, SECOND } from '../core/clock.ts'
import type { Check } from '../core/telemetry/health.ts'

/** Time comes with ticks, one a second, and passes the end with each window, of ten. */
const STUCK_AFTER = 2 * MINUTE

export class TimeWatch {
  readonly #clock: Clock
  #reached = 0
  #movedAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#movedAt = clock.now()
  }

  /** `reached`: log time that has passed the whole pipeline, 0 where none has. To be called now and then, and before each `check`. */
  observe(reached: number): void {
    if (reached === this.#reached) return
    this.#reached = reached
    this.#movedAt = this.#clock.now()
  }

  check(reached: number): Check {
    this.observe(reached)
    const stillFor = this.#clock.now() - this.#movedAt
    const at = reached === 0 ? 'not yet known' : new Date(Math.floor(reached / 1000)).toISOString()
    if (stillFor <= STUCK_AFTER)
      return { ready: true, detail: `windows are judged as time goes on; the log's is ${at}` }
    const seconds = Math.round(stillFor / SECOND)
    return { ready: false, detail: `the log's time has stood still for ${seconds} s at ${at}: no window is judged` }
  }
}
