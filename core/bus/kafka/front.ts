/** Where a reader is in each partition, and who waits for it to have come to where they ended. */

export type Ends = readonly (readonly [partition: number, end: number])[]

interface Waiting {
  ends: Ends
  resolve(): void
}

export class Front {
  /** Of the next record to be read, by partition; changed from outside. */
  readonly positions: Map<number, number>
  readonly #waiting = new Set<Waiting>()

  constructor(positions: Map<number, number>) {
    this.positions = positions
  }

  /** To be called once all before the positions has been given. */
  moved(): void {
    for (const waiting of this.#waiting) {
      if (!this.#isPast(waiting.ends)) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
  }

  /** Resolves once all before these ends has been given; rejects with the signal's reason where it aborts before. */
  reached(ends: Ends, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      if (this.#isPast(ends)) {
        resolve()
        return
      }
      const waiting = { ends, resolve }
      this.#waiting.add(waiting)
      const abort = (): void => {
        if (this.#waiting.delete(waiting)) reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #isPast(ends: Ends): boolean {
    return ends.every(([partition, end]) => this.positions.get(partition)! >= end)
  }
}
