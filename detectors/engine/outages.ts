/**
 * Times of which telemetry may be missing, from the ticks alone. A collector numbers its ticks, so one that leaps says nothing by
 * itself (a replay or the demo may go in great steps); a leap in time *and* number means that it was down or could not write.
 * Senders resend over a short while; what is longer than OUTAGE_US is an outage. So is the end of a collector that fell silent.
 */
import { SECOND } from '../../core/clock.ts'
import type { Tick } from '../../core/tick.ts'

/** As long as others must tick before a silent collector is dropped (core/watermark.ts). */
const OUTAGE_US = 30 * SECOND

export interface Outage {
  producer: string
  from: number
  to: number
}

/** Plain data, for any encoding. */
export interface OutagesSnapshot {
  last: [producer: string, seq: number, time: number][]
  open: Outage[]
}

export class Outages {
  readonly #latenessUs: number
  readonly #last = new Map<string, { seq: number; time: number }>()
  #open: Outage[] = []

  /** What was under way when it began is missing too: an outage reaches back by the lateness. */
  constructor(latenessUs: number) {
    this.#latenessUs = latenessUs
  }

  /** `dropped`: whom the watermark gave up on this tick. Gives the outage that ends with the tick where the collector is back. */
  observe({ producer, seq, time, leave }: Tick, dropped: readonly string[]): Outage | undefined {
    for (const gone of dropped) {
      const last = this.#last.get(gone)
      if (last !== undefined) this.#add(gone, last.time, time)
      this.#last.delete(gone)
    }
    const last = this.#last.get(producer)
    if (last !== undefined && seq <= last.seq) return undefined
    if (leave) this.#last.delete(producer)
    else this.#last.set(producer, { seq, time })
    if (last === undefined || seq === last.seq + 1 || time - last.time <= OUTAGE_US) return undefined
    return this.#add(producer, last.time, time)
  }

  covers(start: number, end: number): boolean {
    return this.#open.some(({ from, to }) => from < end && start < to)
  }

  /** All windows that end at or before it are closed. */
  closed(through: number): void {
    if (this.#open.length > 0) this.#open = this.#open.filter(({ to }) => to > through)
  }

  snapshot(): OutagesSnapshot {
    return {
      last: [...this.#last].map(([producer, { seq, time }]) => [producer, seq, time]),
      open: this.#open,
    }
  }

  restore({ last, open }: OutagesSnapshot): void {
    for (const [producer, seq, time] of last) this.#last.set(producer, { seq, time })
    this.#open = open
  }

  #add(producer: string, since: number, to: number): Outage {
    const outage = { producer, from: since - this.#latenessUs, to }
    this.#open.push(outage)
    return outage
  }
}
