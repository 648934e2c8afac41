import type { Tick } from '../../core/tick.ts'

export class Watermark {
  time = Number.NEGATIVE_INFINITY
  readonly latenessUs: number
  #ticks = new Map<string, Tick>()
  constructor(latenessUs: number) {
    this.latenessUs = latenessUs
  }
  observe(tick: Tick): void {
    const last = this.#ticks.get(tick.producer)
    if (last !== undefined && tick.seq <= last.seq) return
    if (tick.leave) this.#ticks.delete(tick.producer)
    else this.#ticks.set(tick.producer, tick)
    const times = [...this.#ticks.values()].map((t) => t.time)
    if (times.length > 0) this.time = Math.max(this.time, Math.min(...times) - this.latenessUs)
  }
  snapshot(): unknown {
    return [this.time, [...this.#ticks.values()]]
  }
  restore(value: unknown): void {
    const [time, ticks] = value as [number, Tick[]]
    this.time = time
    this.#ticks = new Map(ticks.map((t) => [t.producer, t]))
  }
}
