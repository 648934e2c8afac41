/**
 * Stage 2: one partition of `eastwatch.windows`. Closed windows arrive by source from every partition of stage 1; a window is judged
 * when all of them have passed its end. A window is set, never added: read again, it is the same.
 */
import type { BusRecord, Publication, StateWrite } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { PipelineError } from '../../core/errors.ts'
import { decodeTick } from '../../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../../core/watermark.ts'
import type { Finding } from '../detector.ts'
import {
  byTrustAndKey,
  decodeWindows,
  type PairWindow,
  sourceKeyText,
  WINDOW_US,
  type WindowsRecord,
} from '../window.ts'
import { groupBySorted } from './group-by.ts'
import type { Machine } from './machine.ts'
import { StageMemory, type StageOptions } from './stage-memory.ts'
import { attempt, Unreadable } from './unreadable.ts'

export interface Stage2Options extends StageOptions {
  /** Partitions of the calls topic, each an input, and of the findings topic. */
  partitions: { calls: number; findings: number }
}

interface Own {
  watermark: WatermarkSnapshot
}

interface Pending {
  firstOffset: number
  /** By input partition, trust and key. */
  windows: Map<string, PairWindow>
}

export class Stage2 implements Machine {
  readonly #options: Stage2Options
  readonly #memory: StageMemory<Own>
  readonly #watermark: Watermark
  readonly #pending = new Map<number, Pending>()

  constructor(options: Stage2Options) {
    this.#options = options
    const { partitions } = options
    this.#memory = new StageMemory('stage2', TOPIC.windows, partitions.findings, options)
    const producers = Array.from({ length: partitions.calls }, (_, input) => `stage1/${input}`)
    this.#watermark = new Watermark({ latenessUs: 0, producers })
  }

  get position(): { flushed: number; keep: number } | undefined {
    return this.#memory.position
  }

  load(key: string, value: Uint8Array): void {
    const own = this.#memory.load(key, value)
    if (own !== undefined) this.#watermark.restore(own.watermark)
  }

  rebuild({ offset, value }: BusRecord): void {
    const read = attempt(() => decodeWindows(value))
    if (read !== undefined && !(read instanceof Unreadable)) this.#take(read, offset)
  }

  handle({ offset, value }: BusRecord): Publication[] | undefined {
    const { time } = this.#watermark
    const tick = decodeTick(value)
    if (tick !== undefined)
      return this.#watermark.observe(tick).advanced ? this.#judge(this.#watermark.time) : undefined
    const read = attempt(() => decodeWindows(value) ?? unknownRecord())
    if (read instanceof Unreadable) return this.#memory.unreadable(read, offset, time)
    this.#take(read, offset)
    return undefined
  }

  checkpoint(next: number): { keep: number; state: StateWrite[] } {
    return this.#memory.checkpoint(next, () => ({
      keep: [...this.#pending.values()].reduce((least, { firstOffset }) => Math.min(least, firstOffset), next),
      own: { watermark: this.#watermark.snapshot() },
    }))
  }

  #take(record: WindowsRecord, offset: number): void {
    // An input's ticks follow its windows, so what is judged cannot come again but by a repeat.
    if (record.end <= this.#memory.through) return
    const pending = this.#pending.get(record.end) ?? { firstOffset: offset, windows: new Map<string, PairWindow>() }
    this.#pending.set(record.end, pending)
    for (const window of record.windows) {
      pending.windows.set(JSON.stringify([record.partition, window.trust, window.key]), window)
    }
  }

  #judge(through: number): Publication[] {
    const memory = this.#memory
    if (memory.watchedSince === 0) memory.watchedSince = through
    const findings: Finding[] = memory.troubles.due(through)
    const ends = [...this.#pending.keys()].filter((end) => end <= through).sort((a, b) => a - b)
    for (const end of ends) {
      const windows = [...this.#pending.get(end)!.windows.values()].sort(byTrustAndKey)
      this.#pending.delete(end)
      this.#options.counts.windows += windows.length
      const start = end - WINDOW_US
      for (const [owner, own] of groupBySorted(windows, ({ pair }) => sourceKeyText(pair))) {
        for (const { key, trust } of own) if (trust === 'verified') memory.state.seen(owner, key, start)
        findings.push(...memory.judge(owner, start, own))
      }
    }
    findings.push(...memory.judged(through))
    const targets = [{ topic: TOPIC.findings, partitions: this.#options.partitions.findings }]
    return [...(memory.findings(findings) ?? []), ...memory.ticks(through, targets)]
  }
}

function unknownRecord(): never {
  throw new PipelineError('block_corrupt', 'record is neither windows nor a tick')
}
