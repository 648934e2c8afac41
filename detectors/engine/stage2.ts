/**
 * Stage 2: one partition of `eastwatch.windows`. Closed windows arrive by source from every partition of stage 1; a window is judged
 * when all of them have passed its end. A window is set, never added: read again, it is the same.
 */
import { pack, unpack } from 'msgpackr'
import type { BusRecord, Publication, StateWrite } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
import { decodeTick } from '../../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../../core/watermark.ts'
import type { DetectorsConfig } from '../config.ts'
import type { Finding } from '../detector.ts'
import {
  byTrustAndKey,
  decodeWindows,
  type PairWindow,
  sourceKeyText,
  WINDOW_US,
  type WindowsRecord,
} from '../window.ts'
import type { StageCounts } from './counts.ts'
import { groupBySorted } from './group-by.ts'
import { judge, type NamedDetector } from './judge.ts'
import type { Machine } from './machine.ts'
import { findingRecords, tickRecords } from './outputs.ts'
import { KeyedState } from './state.ts'
import { type Told, Troubles } from './troubles.ts'
import { attempt, Unreadable } from './unreadable.ts'

export interface Stage2Options {
  partition: number
  /** Partitions of the calls topic, each an input, and of the findings topic. */
  partitions: { calls: number; findings: number }
  config: DetectorsConfig
  detectors: readonly NamedDetector[]
  counts: StageCounts
}

interface Meta {
  flushed: number
  keep: number
  judged: number
  watchedSince: number
  seq: number
  watermark: WatermarkSnapshot
  told: Told[]
}

interface Pending {
  firstOffset: number
  /** By input partition, trust and key. */
  windows: Map<string, PairWindow>
}

export class Stage2 implements Machine {
  position: { flushed: number; keep: number } | undefined
  readonly #options: Stage2Options
  readonly #state: KeyedState
  readonly #pending = new Map<number, Pending>()
  readonly #watermark: Watermark
  readonly #troubles = new Troubles()
  #judged = Number.NEGATIVE_INFINITY
  #watchedSince = 0
  #seq = 0
  #flushedMinute = Number.NEGATIVE_INFINITY
  #keep = 0

  constructor(options: Stage2Options) {
    this.#options = options
    const { maxPairsPerDestination, maxPairsPerPartition } = options.config
    this.#state = new KeyedState({ pairsPerOwner: maxPairsPerDestination * 2, pairs: maxPairsPerPartition })
    const producers = Array.from({ length: options.partitions.calls }, (_, input) => `stage1/${input}`)
    this.#watermark = new Watermark({ latenessUs: 0, producers })
  }

  load(key: string, value: Uint8Array): void {
    if (this.#state.load(key, value) || key !== 'meta') return
    const meta = unpack(value) as Meta
    this.position = { flushed: meta.flushed, keep: meta.keep }
    this.#keep = meta.keep
    this.#judged = meta.judged
    this.#flushedMinute = Math.floor(meta.judged / MINUTE)
    this.#watchedSince = meta.watchedSince
    this.#seq = meta.seq
    this.#watermark.restore(meta.watermark)
    this.#troubles.restore(meta.told)
  }

  rebuild(record: BusRecord): void {
    const read = attempt(() => decodeWindows(record.value))
    if (read !== undefined && !(read instanceof Unreadable)) this.#take(read, record.offset)
  }

  handle({ offset, value }: BusRecord): Publication[] | undefined {
    const tick = decodeTick(value)
    if (tick !== undefined)
      return this.#watermark.observe(tick).advanced ? this.#judge(this.#watermark.time) : undefined
    const read = attempt(() => decodeWindows(value) ?? unknownRecord())
    if (!(read instanceof Unreadable)) {
      this.#take(read, offset)
      return undefined
    }
    const { counts, partition, partitions } = this.#options
    counts.unreadable += 1
    const subject = `partition ${partition} of ${TOPIC.windows}`
    const detail = `offset ${offset}: ${read.reason}`
    const findings = this.#troubles.tell(read.kind, subject, this.#watermark.time, detail)
    counts.findings += findings.length
    return findings.length === 0 ? undefined : findingRecords(findings, partitions.findings)
  }

  checkpoint(next: number): { keep: number; state: StateWrite[] } {
    const minute = Math.floor(this.#judged / MINUTE)
    if (minute === this.#flushedMinute) return { keep: this.#keep, state: [] }
    this.#flushedMinute = minute
    this.#keep = [...this.#pending.values()].reduce((least, { firstOffset }) => Math.min(least, firstOffset), next)
    const meta: Meta = {
      flushed: next,
      keep: this.#keep,
      judged: this.#judged,
      watchedSince: this.#watchedSince,
      seq: this.#seq,
      watermark: this.#watermark.snapshot(),
      told: this.#troubles.snapshot(this.#judged),
    }
    return { keep: this.#keep, state: [...this.#state.flush(), { key: 'meta', value: pack(meta) }] }
  }

  #take(record: WindowsRecord, offset: number): void {
    // An input's ticks follow its windows, so what is judged cannot come again but by a repeat.
    if (record.end <= this.#judged) return
    const pending = this.#pending.get(record.end) ?? { firstOffset: offset, windows: new Map<string, PairWindow>() }
    this.#pending.set(record.end, pending)
    for (const window of record.windows) {
      pending.windows.set(JSON.stringify([record.partition, window.trust, window.key]), window)
    }
  }

  #judge(through: number): Publication[] {
    if (this.#watchedSince === 0) this.#watchedSince = through
    const findings: Finding[] = this.#troubles.due(through)
    const ends = [...this.#pending.keys()].filter((end) => end <= through).sort((a, b) => a - b)
    for (const end of ends) {
      const windows = [...this.#pending.get(end)!.windows.values()].sort(byTrustAndKey)
      this.#pending.delete(end)
      this.#options.counts.windows += windows.length
      for (const [owner, own] of groupBySorted(windows, ({ pair }) => sourceKeyText(pair))) {
        const start = end - WINDOW_US
        for (const { key, trust } of own) if (trust === 'verified') this.#state.seen(owner, key, start)
        const occasion = { owner, start, end, watchedSince: this.#watchedSince, late: false }
        findings.push(...judge(this.#options.detectors, this.#state, occasion, own))
      }
    }
    if (Math.floor(through / MINUTE) > Math.floor(this.#judged / MINUTE)) {
      const forgotten = this.#state.trim()
      this.#options.counts.evicted += forgotten
      const subject = `partition ${this.#options.partition} of stage 2`
      if (forgotten > 0) findings.push(...this.#troubles.tell('pairs_forgotten', subject, through))
    }
    this.#judged = through
    this.#seq += 1
    this.#options.counts.findings += findings.length
    const { partition, partitions } = this.#options
    const tick = { producer: `stage2/${partition}`, seq: this.#seq, time: through }
    return [
      ...findingRecords(findings, partitions.findings),
      ...tickRecords(tick, [{ topic: TOPIC.findings, partitions: partitions.findings }]),
    ]
  }
}

function unknownRecord(): never {
  throw new PipelineError('block_corrupt', 'record is neither windows nor a tick')
}
