/**
 * How far time has come in one partition, from the ticks in it alone: the least of the producers' newest times, less the
 * lateness. Never goes back. A pure function of the ticks and their order.
 *
 * Two kinds of inputs. Collectors come and go: one leaves by a `leave` tick, or when all that still tick have done so 30 times
 * since its last; of three or more, one that is 5 s off the median has no vote. Stages are a fixed set: none leaves, all vote,
 * and there is no watermark before each has ticked.
 */
import { SECOND } from './clock.ts'
import type { Tick } from './tick.ts'

const SILENT_TICKS = 30
const MOST_OFF_MEDIAN = 5 * SECOND
const VOTERS_FOR_MEDIAN = 3

export interface WatermarkOptions {
  /** Taken off the ticks, in microseconds. */
  latenessUs: number
  /** The fixed set of producers; others are ignored. Without it producers come and go. */
  producers?: readonly string[]
}

export interface Observation {
  /** True where the watermark rose. */
  advanced: boolean
  /** True where this tick is so far off the others that it has no vote. */
  outvoted: boolean
  /** Producers that fell silent and were dropped on this tick. */
  dropped: readonly string[]
}

/** Plain numbers and texts, for any encoding. */
export interface WatermarkSnapshot {
  /** null before there is a watermark. */
  time: number | null
  producers: { producer: string; seq: number; time: number; since: [other: string, ticks: number][] }[]
}

interface Producer {
  seq: number
  time: number
  /** How often each other has ticked since this one's last tick. */
  since: Map<string, number>
}

const NOTHING: Observation = { advanced: false, outvoted: false, dropped: [] }

export class Watermark {
  /** Epoch microseconds; -Infinity before there is one. */
  time = Number.NEGATIVE_INFINITY
  readonly #latenessUs: number
  readonly #fixed: ReadonlySet<string> | undefined
  /** In the order of their last ticks. */
  #producers = new Map<string, Producer>()

  constructor({ latenessUs, producers }: WatermarkOptions) {
    this.#latenessUs = latenessUs
    this.#fixed = producers === undefined ? undefined : new Set(producers)
  }

  observe({ producer, seq, time, leave }: Tick): Observation {
    if (this.#fixed?.has(producer) === false) return NOTHING
    const last = this.#producers.get(producer)
    if (last !== undefined && seq <= last.seq) return NOTHING
    this.#producers.delete(producer)
    if (this.#fixed !== undefined) {
      this.#producers.set(producer, { seq, time, since: new Map() })
      return { ...NOTHING, advanced: this.#advance() }
    }
    if (leave) return { ...NOTHING, advanced: this.#advance() }
    for (const { since } of this.#producers.values()) since.set(producer, (since.get(producer) ?? 0) + 1)
    this.#producers.set(producer, { seq, time, since: new Map() })
    const dropped = this.#dropSilent()
    const outvoted = !this.#hasVote()(time)
    return { advanced: this.#advance(), outvoted, dropped }
  }

  /**
   * Drops the longest run of producers, by age of their last tick, since whose last tick all others have ticked often enough.
   * A run and not one by one: of two that died together neither would see the other tick.
   */
  #dropSilent(): string[] {
    const names = [...this.#producers.keys()]
    for (let silent = names.length - 1; silent > 0; silent -= 1) {
      const { since } = this.#producers.get(names[silent - 1]!)!
      if (!names.slice(silent).every((name) => (since.get(name) ?? 0) >= SILENT_TICKS)) continue
      const dropped = names.slice(0, silent)
      for (const name of dropped) this.#producers.delete(name)
      return dropped
    }
    return []
  }

  /** Whom the others believe: within a few seconds of the (lower) median, where there are enough to have one. */
  #hasVote(): (time: number) => boolean {
    if (this.#fixed !== undefined || this.#producers.size < VOTERS_FOR_MEDIAN) return () => true
    const times = [...this.#producers.values()].map(({ time }) => time).sort((a, b) => a - b)
    const median = times[(times.length - 1) >> 1]!
    return (time) => Math.abs(time - median) <= MOST_OFF_MEDIAN
  }

  #advance(): boolean {
    if (this.#producers.size === 0 || this.#producers.size < (this.#fixed?.size ?? 0)) return false
    const hasVote = this.#hasVote()
    let least = Number.POSITIVE_INFINITY
    for (const { time } of this.#producers.values()) if (time < least && hasVote(time)) least = time
    if (least - this.#latenessUs <= this.time) return false
    this.time = least - this.#latenessUs
    return true
  }

  snapshot(): WatermarkSnapshot {
    return {
      time: Number.isFinite(this.time) ? this.time : null,
      producers: [...this.#producers].map(([producer, { since, ...last }]) => ({
        producer,
        ...last,
        since: [...since],
      })),
    }
  }

  restore({ time, producers }: WatermarkSnapshot): void {
    this.time = time ?? Number.NEGATIVE_INFINITY
    this.#producers = new Map(
      producers.map(({ producer, since, ...last }) => [producer, { ...last, since: new Map(since) }]),
    )
  }
}
