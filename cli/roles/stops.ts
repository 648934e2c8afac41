/**
 * What was started, stopped the other way round. Each part has a bound of its own for what it is at; where the sum of them comes near what
 * a supervisor waits before it kills (Kubernetes: 30 s), the rest is given up: the next start finds everything as a crash leaves it.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { settlesWithin } from '../../core/waiting.ts'

export const STOP_MS = 25_000

export class Stops {
  readonly #parts: { what: string; stop: () => void | Promise<void> }[] = []
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(what: string, stop: () => void | Promise<void>): void {
    this.#parts.push({ what, stop })
  }

  /** Resolves when all have stopped, or the time is over. */
  async run(): Promise<void> {
    if (await settlesWithin(this.#stopAll(), STOP_MS)) return
    const parts = this.#parts.map(({ what }) => what).reverse()
    this.#logger.error({ parts }, `these parts have not stopped within ${STOP_MS / 1000} s and are given up`)
  }

  async #stopAll(): Promise<void> {
    for (let part = this.#parts.at(-1); part !== undefined; part = this.#parts.at(-1)) {
      try {
        await part.stop()
      } catch (error) {
        this.#logger.error({ part: part.what, error: messageOf(error) }, 'a part did not stop cleanly')
      }
      this.#parts.pop()
    }
  }
}
