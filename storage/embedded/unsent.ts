/**
 * Answers lie in memory until their clients have read them. Those of clients that read slowly, or not at all, may take so many bytes;
 * past that the oldest are cut off. So is one of which nothing was read for a minute.
 */
import type { ServerResponse } from 'node:http'

const IDLE_MS = 60_000

export class Unsent {
  readonly #maxBytes: number
  #bytes = 0
  /** In order of age. */
  readonly #answers = new Map<ServerResponse, number>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Before the answer is sent. One that is larger than all that is allowed goes alone. */
  add(response: ServerResponse, bytes: number): void {
    for (const [oldest] of this.#answers) {
      if (this.#bytes + bytes <= this.#maxBytes) break
      this.#remove(oldest)
      oldest.destroy()
    }
    this.#answers.set(response, bytes)
    this.#bytes += bytes
    response.setTimeout(IDLE_MS, () => response.destroy())
    response.once('close', () => this.#remove(response))
  }

  #remove(response: ServerResponse): void {
    this.#bytes -= this.#answers.get(response) ?? 0
    this.#answers.delete(response)
  }
}
