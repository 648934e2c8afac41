/**
 * How far time may go for what has not been read yet: what waits in Kafka must find its windows open, as if it had come when Kafka took it.
 * No input holds time back for longer than ten minutes, whatever is wrong with it or comes from it; after that it is late.
 */
import { type Clock, MINUTE, SECOND } from '../../core/clock.ts'

const MAX_HOLD = 10 * MINUTE
/** What is not further back has been caught up with: it holds, and its ten minutes begin anew. */
const NEAR = 5 * SECOND

export interface Input {
  /** When the oldest came that is not durable, epoch microseconds; undefined where all is, 0 where that is not known yet. */
  readonly held: number | undefined
}

export class Backlog {
  readonly #clock: Clock
  /** When each was last near. */
  readonly #near = new Map<Input, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(input: Input): void {
    this.#near.set(input, this.#clock.now())
  }

  delete(input: Input): void {
    this.#near.delete(input)
  }

  /** Up to when everything was read that may hold time back. To be asked with every tick. */
  get reached(): number {
    const now = this.#clock.now()
    let reached = now
    for (const [input, near] of this.#near) {
      const held = input.held ?? now
      if (now - held <= NEAR) this.#near.set(input, now)
      else if (now - near > MAX_HOLD) continue
      reached = Math.min(reached, held)
    }
    return reached
  }

  /** Microseconds that the input furthest back is behind. Not knowing is not being behind. */
  get behind(): number {
    const now = this.#clock.now()
    let most = 0
    for (const { held } of this.#near.keys()) if (held !== undefined && held > 0) most = Math.max(most, now - held)
    return most
  }
}
