/** Questions to the other thread that wait for their answer. */
import { fromWire, type WireError } from './wire-error.ts'

export class Requests {
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()
  #last = 0
  #closed: Error | undefined

  /** `send` gets the number that the answer must bear. */
  ask(send: (request: number) => void): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    this.#last += 1
    const request = this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject })
      send(request)
    })
  }

  answer(request: number, error: WireError | undefined): void {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(fromWire(error))
  }

  /** Nobody will answer any more: what waits rejects, and whatever is asked from now on. */
  close(error: Error): void {
    this.#closed = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
