import { PipelineError } from '../../core/errors.ts'

/** At most so many at once, the others wait in line, at most so many of them: a queue without end would only hide the overload. */
export class Slots {
  #free: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots
    this.#maxWaiting = maxWaiting
  }

  /** Rejects with a retriable `store_unavailable` where the line is full. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else {
      if (this.#waiting.length >= this.#maxWaiting) {
        throw new PipelineError('store_unavailable', `more than ${this.#maxWaiting} queries are waiting`, {
          retriable: true,
        })
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
