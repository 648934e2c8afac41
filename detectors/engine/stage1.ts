/**
 * Stage 1: one partition of `eastwatch.calls`. Blocks become windows of pairs; ticks move the watermark; as it passes, windows
 * close in order, are judged by the destination detectors and go on to stage 2 by source.
 */
import type { BusRecord, Publication, StateWrite } from '../../core/bus/bus.ts'
import { partitionOf, TOPIC } from '../../core/bus/topics.ts'
import { SECOND } from '../../core/clock.ts'
import { LogTime, type LogTimeSnapshot } from '../../core/log-time.ts'
import { decodeTick, type Tick } from '../../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../../core/watermark.ts'
import type { Finding } from '../detector.ts'
import { byTrustAndKey, encodeWindows, type PairWindow, sourceKeyText, WINDOW_US } from '../window.ts'
import { settle } from './crossing.ts'
import { Duplicates, type DuplicatesSnapshot } from './duplicates.ts'
import { groupBySorted } from './group-by.ts'
import { Ingest } from './ingest.ts'
import { LateShare } from './late-share.ts'
import type { Machine } from './machine.ts'
import type { OpenWindow } from './open-window.ts'
import { type Outage, Outages, type OutagesSnapshot } from './outages.ts'
import { type ReadBlock, readBlock } from './read-block.ts'
import { StageMemory, type StageOptions } from './stage-memory.ts'
import { attempt, Unreadable } from './unreadable.ts'

/** Windows in one record of the windows topic. */
const WINDOWS_PER_RECORD = 200

export interface Stage1Options extends StageOptions {
  partitions: { windows: number; findings: number }
}

interface Own {
  logTime: LogTimeSnapshot
  newestTick: number
  /** As of `keep`. */
  keepTick: number
  watermark: WatermarkSnapshot
  duplicates: DuplicatesSnapshot
  outages: OutagesSnapshot
  late: [key: string, calls: number][]
}

export class Stage1 implements Machine {
  readonly #options: Stage1Options
  readonly #memory: StageMemory<Own>
  readonly #watermark: Watermark
  readonly #outages: Outages
  readonly #late = new LateShare()
  readonly #duplicates = new Duplicates()
  #logTime = new LogTime()
  readonly #ingest: Ingest
  #newestTick = Number.NEGATIVE_INFINITY
  /** While memory is rebuilt: the newest tick so far. */
  #rebuildTick = Number.NEGATIVE_INFINITY

  constructor(options: Stage1Options) {
    this.#options = options
    const { config, counts, partitions } = options
    const latenessUs = config.latenessSeconds * SECOND
    this.#watermark = new Watermark({ latenessUs })
    this.#outages = new Outages(latenessUs)
    this.#memory = new StageMemory('stage1', TOPIC.calls, partitions.findings, options)
    this.#ingest = new Ingest(config.maxPairsPerDestination, this.#memory.state, counts)
  }

  get position(): { flushed: number; keep: number } | undefined {
    return this.#memory.position
  }

  load(key: string, value: Uint8Array): void {
    if (key === 'deliveries') this.#duplicates.load(value)
    const own = this.#memory.load(key, value)
    if (own === undefined) return
    this.#logTime = LogTime.restore(own.logTime)
    this.#newestTick = own.newestTick
    this.#rebuildTick = own.keepTick
    this.#watermark.restore(own.watermark)
    this.#duplicates.restore(own.duplicates)
    this.#outages.restore(own.outages)
    this.#late.restore(own.late)
  }

  rebuild({ offset, value }: BusRecord): void {
    const tick = decodeTick(value)
    if (tick !== undefined) {
      this.#rebuildTick = Math.max(this.#rebuildTick, tick.time)
      return
    }
    const read = attempt(() => readBlock(value))
    if (!(read instanceof Unreadable))
      this.#add(read, this.#duplicates.known(read.block, offset), offset, this.#rebuildTick)
  }

  handle({ offset, value }: BusRecord): Publication[] | undefined {
    const tick = decodeTick(value)
    if (tick !== undefined) return this.#tick(tick)
    const read = attempt(() => readBlock(value))
    if (read instanceof Unreadable) return this.#memory.unreadable(read, offset, this.#watermark.time)
    const { counts } = this.#options
    const repeated = this.#duplicates.among(read.block, offset)
    counts.duplicates += repeated.rows
    counts.rows += read.block.rows
    return this.#memory.findings(this.#judgeLate(this.#add(read, repeated.mask, offset, this.#newestTick)))
  }

  checkpoint(next: number): { keep: number; state: StateWrite[] } {
    return this.#memory.checkpoint(next, () => {
      const first = this.#ingest.first()
      const keep = first?.firstOffset ?? next
      const own: Own = {
        logTime: this.#logTime.snapshot(),
        newestTick: this.#newestTick,
        keepTick: first?.firstTick ?? this.#newestTick,
        watermark: this.#watermark.snapshot(),
        duplicates: this.#duplicates.snapshot(keep),
        outages: this.#outages.snapshot(),
        late: this.#late.snapshot(),
      }
      return { keep, own, more: [{ key: 'deliveries', value: this.#duplicates.save() }] }
    })
  }

  #add(read: ReadBlock, skip: Uint8Array | undefined, offset: number, newestTick: number): PairWindow[] {
    return this.#ingest.add(read, skip, { offset, newestTick, closed: this.#memory.through })
  }

  #tick(tick: Tick): Publication[] | undefined {
    const memory = this.#memory
    if (memory.watchedSince === 0) memory.watchedSince = Math.floor(tick.time / WINDOW_US) * WINDOW_US
    this.#newestTick = Math.max(this.#newestTick, tick.time)
    this.#logTime.observe(tick)
    this.#duplicates.advance(this.#logTime.time)
    const { advanced, outvoted, dropped } = this.#watermark.observe(tick)
    const outage = this.#outages.observe(tick, dropped)
    const { time } = this.#watermark
    const findings = memory.troubles.due(time)
    // Every partition sees every collector's ticks; one of them speaks of it.
    if (this.#options.partition === 0) {
      if (outvoted) findings.push(...memory.troubles.tell('collector_clock_off', tick.producer, time))
      if (outage !== undefined) {
        findings.push(...memory.troubles.tell('collector_gap', outage.producer, time, spanText(outage)))
      }
      for (const gone of dropped) findings.push(...memory.troubles.tell('collector_silent', gone, time))
    }
    const told = memory.findings(findings)
    const closed = advanced ? this.#close() : undefined
    return told === undefined ? closed : [...told, ...(closed ?? [])]
  }

  #close(): Publication[] | undefined {
    const through = Math.floor(this.#watermark.time / WINDOW_US) * WINDOW_US
    if (!(through > this.#memory.through)) return undefined
    const publications: Publication[] = []
    const findings: Finding[] = []
    for (const window of this.#ingest.close(through)) {
      const closed = this.#judge(window, findings)
      this.#options.counts.windows += closed.length
      for (const record of this.#windowRecords(window.start + WINDOW_US, closed)) publications.push(record)
    }
    this.#outages.closed(through)
    this.#late.clear()
    findings.push(...this.#memory.judged(through))
    const { partitions } = this.#options
    const targets = [
      { topic: TOPIC.windows, partitions: partitions.windows },
      { topic: TOPIC.findings, partitions: partitions.findings },
    ]
    return [...publications, ...(this.#memory.findings(findings) ?? []), ...this.#memory.ticks(through, targets)]
  }

  #judge(window: OpenWindow, findings: Finding[]): PairWindow[] {
    const { start } = window
    const missing = this.#outages.covers(start, start + WINDOW_US)
    const closed: PairWindow[] = []
    for (const [owner, accumulators] of window.byOwner()) {
      const windows = accumulators.map((accumulator) => accumulator.finish(missing))
      for (const own of windows) {
        own.incomplete ||= this.#late.spoils(own)
        if (own.trust === 'claimed') continue
        this.#memory.state.seen(owner, own.key, start)
        this.#memory.state.settle(owner, own.key, (carried) => settle(own, carried))
      }
      for (const finding of this.#memory.judge(owner, start, windows)) findings.push(finding)
      for (const own of windows) closed.push(own)
    }
    return closed
  }

  #judgeLate(late: readonly PairWindow[]): Finding[] {
    if (late.length === 0) return []
    for (const window of late) if (window.end <= this.#memory.through) this.#late.add(window)
    const groups = groupBySorted(late, (window) => JSON.stringify([window.start, window.pair.destinationService]))
    return groups.flatMap(([, windows]) => {
      const { start, pair } = windows[0]!
      return this.#memory.judge(pair.destinationService, start, windows.sort(byTrustAndKey), true)
    })
  }

  #windowRecords(end: number, windows: readonly PairWindow[]): Publication[] {
    const { partition, partitions } = this.#options
    const byPartition = groupBySorted(windows, ({ pair }) =>
      String(partitionOf(sourceKeyText(pair), partitions.windows)),
    )
    return byPartition.flatMap(([to, own]) => {
      const records: Publication[] = []
      for (let at = 0; at < own.length; at += WINDOWS_PER_RECORD) {
        const value = encodeWindows({ partition, end, windows: own.slice(at, at + WINDOWS_PER_RECORD) })
        records.push({ topic: TOPIC.windows, partition: Number(to), value })
      }
      return records
    })
  }
}

function spanText({ from, to }: Outage): string {
  const text = (time: number) => new Date(time / 1000).toISOString()
  return `${text(from)} to ${text(to)}`
}
