/** Watermark over a fixed set of producers: the least of their newest ticks, 0 until each has ticked. */
import type { Tick } from '../core/tick.ts'

export class InputWatermark {
  /** Epoch microseconds; never falls. */
  time = 0
  readonly #times: Map<string, number>

  constructor(producers: readonly string[]) {
    this.#times = new Map(producers.map((producer) => [producer, 0]))
  }

  /** True where the watermark rose. */
  observe({ producer, time }: Tick): boolean {
    const last = this.#times.get(producer)
    if (last === undefined || time <= last) return false
    this.#times.set(producer, time)
    const least = Math.min(...this.#times.values())
    if (least <= this.time) return false
    this.time = least
    return true
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify([this.time, ...this.#times]))
  }

  static restore(producers: readonly string[], bytes: Uint8Array): InputWatermark {
    const watermark = new InputWatermark(producers)
    const [time, ...times] = JSON.parse(Buffer.from(bytes).toString()) as [number, ...[string, number][]]
    watermark.time = time
    for (const [producer, at] of times) if (watermark.#times.has(producer)) watermark.#times.set(producer, at)
    return watermark
  }
}
