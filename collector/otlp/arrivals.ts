/** Bounds how many bodies are coming at once, over all and per address: each costs a little before its first byte. */
import { PipelineError } from '../../core/errors.ts'

const MAX_ARRIVING = 256
const MAX_PER_ADDRESS = 64
const RETRY_MS = 1000

export class Arrivals {
  #all = 0
  readonly #byAddress = new Map<string, number>()

  /** Throws `bus_full` where too many are coming already. */
  async of<T>(address: string, read: () => Promise<T>): Promise<T> {
    const own = this.#byAddress.get(address) ?? 0
    if (this.#all >= MAX_ARRIVING || own >= MAX_PER_ADDRESS) {
      throw new PipelineError('bus_full', 'too many requests are arriving at once', {
        retriable: true,
        retryAfterMs: RETRY_MS,
      })
    }
    this.#all += 1
    this.#byAddress.set(address, own + 1)
    try {
      return await read()
    } finally {
      this.#all -= 1
      const left = this.#byAddress.get(address)! - 1
      if (left === 0) this.#byAddress.delete(address)
      else this.#byAddress.set(address, left)
    }
  }
}
