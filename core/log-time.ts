/**
 * How far time has come in one partition, for memory and patience: how long ago something was, never when. It begins with the first tick and
 * goes on with the producer that is furthest along, by its own steps, each of at most half a minute. So a producer whose clock is off
 * neither hurries it nor, once it has gone, leaves it standing. A pure function of the ticks and their order.
 *
 * When something was is what a watermark says (watermark.ts): it waits for all, and this for nobody.
 */
import { MINUTE, SECOND } from './clock.ts'
import type { Tick } from './tick.ts'

/** A collector ticks once a second, a detector with each window it closes: every ten, or several at once after a pause. */
const MOST_STEP_US = 30 * SECOND
/** A producer not heard of for so long is forgotten. */
const FORGOTTEN_US = 10 * MINUTE

interface Producer {
  seq: number
  /** Of its last tick, by its own clock. */
  told: number
  /** How far time has come by it. */
  at: number
}

/** Plain numbers and texts, for any encoding. */
export interface LogTimeSnapshot {
  time: number
  producers: (Producer & { producer: string })[]
}

export class LogTime {
  /** Epoch microseconds by the clock of whoever ticked first; 0 before the first tick. */
  time = 0
  #producers = new Map<string, Producer>()

  observe({ producer, seq, time: told, leave }: Tick): void {
    if (this.time === 0) this.time = told
    const last = this.#producers.get(producer)
    if (last !== undefined && seq <= last.seq) return
    const step = last === undefined ? 0 : Math.min(Math.max(told - last.told, 0), MOST_STEP_US)
    // Whoever was behind goes on from here.
    const at = Math.max((last?.at ?? 0) + step, this.time)
    this.time = at
    if (leave) this.#producers.delete(producer)
    else this.#producers.set(producer, { seq, told, at })
    for (const [name, one] of this.#producers) if (at - one.at > FORGOTTEN_US) this.#producers.delete(name)
  }

  snapshot(): LogTimeSnapshot {
    return { time: this.time, producers: [...this.#producers].map(([producer, one]) => ({ producer, ...one })) }
  }

  static restore({ time, producers }: LogTimeSnapshot): LogTime {
    const restored = new LogTime()
    restored.time = time
    restored.#producers = new Map(producers.map(({ producer, ...one }) => [producer, one]))
    return restored
  }
}
