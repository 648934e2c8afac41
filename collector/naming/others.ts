/**
 * Several collectors know the same: a name that was proved to one of them, which has acknowledged the proof, is known to whichever gets a
 * call after that. Nobody asks for each call, nor tells every other. Instead there is a time that news may take, and both sides keep to it:
 *
 * - what tells news is acknowledged that much later than it is durable (directory.ts says what is news);
 * - a call is read by what was durable that much before it came, or later.
 *
 * So each side waits, and neither for the other: a lease (Gray and Cheriton, SOSP 1989) without a holder. Clocks are not compared.
 */

/**
 * How long news may take. As long as records come it is asked twice in that time what else is durable; and whoever comes with a
 * name nobody knew waits for so long.
 */
export const NEWS_MS = 400

/** After how long whoever told news is acknowledged: timers go off a moment early. */
export const ACKNOWLEDGED_AFTER_MS = NEWS_MS + 10

export class OthersNames {
  readonly #upToNow: () => Promise<void>
  /** All that was durable then is known, by `performance.now()`. */
  #asOfMs = Number.NEGATIVE_INFINITY
  #asked: Promise<void> | undefined

  /** `upToNow` resolves once all is known here that was durable when it was called. */
  constructor(upToNow: () => Promise<void>) {
    this.#upToNow = upToNow
  }

  /**
   * Resolves once all that was acknowledged when this was called is known here; undefined where it is. Rejects with what `upToNow` says.
   */
  known(): Promise<void> | undefined {
    const cameMs = performance.now()
    if (cameMs - this.#asOfMs > NEWS_MS) return this.#knownSince(cameMs - NEWS_MS)
    if (cameMs - this.#asOfMs > NEWS_MS / 2) {
      this.#ask().catch(() => {
        // Told to whoever has to wait for it.
      })
    }
    return undefined
  }

  async #knownSince(ms: number): Promise<void> {
    // What is under way may have been asked too early.
    while (this.#asOfMs < ms) await this.#ask()
  }

  #ask(): Promise<void> {
    this.#asked ??= this.#askNow().finally(() => {
      this.#asked = undefined
    })
    return this.#asked
  }

  async #askNow(): Promise<void> {
    const asOfMs = performance.now()
    await this.#upToNow()
    this.#asOfMs = asOfMs
  }
}
