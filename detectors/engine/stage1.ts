/**
 * Stage 1: one partition of `eastwatch.calls`. Blocks become windows of pairs; ticks move the watermark; as it passes, windows
 * close in order, are judged by the destination detectors and go on to stage 2 by source.
 */
import { pack, unpack } from 'msgpackr'
import type { Block } from '../../core/block.ts'
import type { BusRecord, Publication, StateWrite } from '../../core/bus/bus.ts'
import { partitionOf, TOPIC } from '../../core/bus/topics.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { SeenDeliveries } from '../../core/deliveries.ts'
import { decodeTick, type Tick } from '../../core/tick.ts'
import { Watermark, type WatermarkSnapshot } from '../../core/watermark.ts'
import type { DetectorsConfig } from '../config.ts'
import type { Finding } from '../detector.ts'
import { hashNumber } from '../hash.ts'
import { byTrustAndKey, encodeWindows, type PairWindow, sourceKeyText, WINDOW_US } from '../window.ts'
import { type ExampleKind, isMismatch, PairAccumulator } from './accumulator.ts'
import type { StageCounts } from './counts.ts'
import { settle } from './crossing.ts'
import { groupBySorted } from './group-by.ts'
import { judge, type NamedDetector } from './judge.ts'
import { LateShare } from './late-share.ts'
import type { Machine } from './machine.ts'
import { OpenWindow } from './open-window.ts'
import { type Outage, Outages, type OutagesSnapshot } from './outages.ts'
import { findingRecords, tickRecords } from './outputs.ts'
import { readBlock } from './read-block.ts'
import { BlockRows, type RowGroup } from './rows.ts'
import { KeyedState } from './state.ts'
import { type Told, Troubles } from './troubles.ts'
import { attempt, Unreadable } from './unreadable.ts'

/** The collector clamps times to a minute ahead; what is further ahead of the log than this has no window. */
const MAX_AHEAD_US = 2 * MINUTE
/** Pairs open in one window in all. */
const MAX_OPEN_PAIRS = 100_000
/** Windows in one record of the windows topic. */
const WINDOWS_PER_RECORD = 200

export interface Stage1Options {
  partition: number
  partitions: { windows: number; findings: number }
  config: DetectorsConfig
  detectors: readonly NamedDetector[]
  counts: StageCounts
}

interface Meta {
  flushed: number
  keep: number
  closed: number
  newestTick: number
  /** As of `keep`. */
  keepTick: number
  watchedSince: number
  seq: number
  watermark: WatermarkSnapshot
  /** Deliveries between `keep` and `flushed` that were duplicates, as [offset, ordinal]. */
  duplicates: (readonly [number, number])[]
  told: Told[]
  outages: OutagesSnapshot
  late: [key: string, calls: number][]
}

export class Stage1 implements Machine {
  position: { flushed: number; keep: number } | undefined
  readonly #options: Stage1Options
  readonly #watermark: Watermark
  readonly #state: KeyedState
  readonly #open = new Map<number, OpenWindow>()
  #seen = new SeenDeliveries()
  readonly #troubles = new Troubles()
  readonly #outages: Outages
  readonly #late = new LateShare()
  #duplicates: (readonly [number, number])[] = []
  /** Windows that end at or before it are closed. */
  #closed = Number.NEGATIVE_INFINITY
  #newestTick = Number.NEGATIVE_INFINITY
  /** While memory is rebuilt: the newest tick so far. */
  #rebuildTick = Number.NEGATIVE_INFINITY
  #watchedSince = 0
  #seq = 0
  #flushedMinute = Number.NEGATIVE_INFINITY
  #keep = 0

  constructor(options: Stage1Options) {
    this.#options = options
    const { config } = options
    const latenessUs = config.latenessSeconds * SECOND
    this.#watermark = new Watermark({ latenessUs })
    this.#outages = new Outages(latenessUs)
    this.#state = new KeyedState({
      pairsPerOwner: config.maxPairsPerDestination * 2,
      pairs: config.maxPairsPerPartition,
    })
  }

  load(key: string, value: Uint8Array): void {
    if (this.#state.load(key, value)) return
    if (key === 'deliveries') this.#seen = SeenDeliveries.restore(value)
    if (key !== 'meta') return
    const meta = unpack(value) as Meta
    this.position = { flushed: meta.flushed, keep: meta.keep }
    this.#keep = meta.keep
    this.#closed = meta.closed
    this.#flushedMinute = Math.floor(meta.closed / MINUTE)
    this.#newestTick = meta.newestTick
    this.#rebuildTick = meta.keepTick
    this.#watchedSince = meta.watchedSince
    this.#seq = meta.seq
    this.#duplicates = meta.duplicates
    this.#watermark.restore(meta.watermark)
    this.#troubles.restore(meta.told)
    this.#outages.restore(meta.outages)
    this.#late.restore(meta.late)
  }

  rebuild({ offset, value }: BusRecord): void {
    const tick = decodeTick(value)
    if (tick !== undefined) {
      this.#rebuildTick = Math.max(this.#rebuildTick, tick.time)
      return
    }
    const read = attempt(() => readBlock(value))
    if (read instanceof Unreadable) return
    const skip = skipMask(read.block, (ordinal) => this.#duplicates.some(([at, i]) => at === offset && i === ordinal))
    this.#ingest(new BlockRows(read, skip), offset, this.#rebuildTick)
  }

  handle({ offset, value }: BusRecord): Publication[] | undefined {
    const tick = decodeTick(value)
    if (tick !== undefined) return this.#tick(tick)
    const { counts, partition } = this.#options
    const read = attempt(() => readBlock(value))
    if (read instanceof Unreadable) {
      counts.unreadable += 1
      const subject = `partition ${partition} of ${TOPIC.calls}`
      const detail = `offset ${offset}: ${read.reason}`
      return this.#findings(this.#troubles.tell(read.kind, subject, this.#watermark.time, detail))
    }
    const { block } = read
    const skip = skipMask(block, (ordinal, range) => {
      if (!this.#seen.seen(range.id)) return false
      counts.duplicates += range.to - range.from
      this.#duplicates.push([offset, ordinal])
      return true
    })
    counts.rows += block.rows
    return this.#findings(this.#judgeLate(this.#ingest(new BlockRows(read, skip), offset, this.#newestTick)))
  }

  #tick(tick: Tick): Publication[] | undefined {
    if (this.#watchedSince === 0) this.#watchedSince = Math.floor(tick.time / WINDOW_US) * WINDOW_US
    this.#newestTick = Math.max(this.#newestTick, tick.time)
    this.#seen.advance(this.#newestTick)
    const { advanced, outvoted, dropped } = this.#watermark.observe(tick)
    const outage = this.#outages.observe(tick, dropped)
    const { time } = this.#watermark
    const troubles = this.#troubles.due(time)
    // Every partition sees every collector's ticks; one of them speaks of it.
    if (this.#options.partition === 0) {
      if (outvoted) troubles.push(...this.#troubles.tell('collector_clock_off', tick.producer, time))
      if (outage !== undefined) {
        troubles.push(...this.#troubles.tell('collector_gap', outage.producer, time, spanText(outage)))
      }
      for (const gone of dropped) troubles.push(...this.#troubles.tell('collector_silent', gone, time))
    }
    const closed = advanced ? this.#close() : undefined
    const told = this.#findings(troubles)
    return told === undefined ? closed : [...told, ...(closed ?? [])]
  }

  checkpoint(next: number): { keep: number; state: StateWrite[] } {
    const minute = Math.floor(this.#closed / MINUTE)
    if (minute === this.#flushedMinute) return { keep: this.#keep, state: [] }
    this.#flushedMinute = minute
    const first = [...this.#open.values()].sort((a, b) => a.firstOffset - b.firstOffset)[0]
    this.#keep = first?.firstOffset ?? next
    this.#duplicates = this.#duplicates.filter(([offset]) => offset >= this.#keep)
    const meta: Meta = {
      flushed: next,
      keep: this.#keep,
      closed: this.#closed,
      newestTick: this.#newestTick,
      keepTick: first?.firstTick ?? this.#newestTick,
      watchedSince: this.#watchedSince,
      seq: this.#seq,
      watermark: this.#watermark.snapshot(),
      duplicates: this.#duplicates,
      told: this.#troubles.snapshot(this.#closed),
      outages: this.#outages.snapshot(),
      late: this.#late.snapshot(),
    }
    const state = this.#state.flush()
    state.push({ key: 'deliveries', value: this.#seen.snapshot() }, { key: 'meta', value: pack(meta) })
    return { keep: this.#keep, state }
  }

  /** Puts rows into open windows; gives back those that have none, as windows of their own. */
  #ingest(rows: BlockRows, offset: number, newestTick: number): PairWindow[] {
    const late = new Map<string, PairAccumulator>()
    const accumulators = rows.groups.map((group) => {
      if (group.last === 0) return undefined
      const { pair, key, trust, windowStart } = group
      const ahead = windowStart > newestTick + MAX_AHEAD_US && newestTick > 0
      if (windowStart + WINDOW_US > this.#closed && !ahead) {
        const accumulator = this.#openWindow(windowStart, { offset, newestTick }).at(pair, key, trust)
        accumulator.add(group)
        return accumulator
      }
      this.#options.counts[ahead ? 'ahead' : 'late'] += group.count
      const lateKey = JSON.stringify([windowStart, trust, key])
      const accumulator = late.get(lateKey) ?? new PairAccumulator(pair, key, trust, windowStart)
      late.set(lateKey, accumulator)
      accumulator.add(group)
      return accumulator
    })
    sampleRows(rows, accumulators)
    return [...late.values()].map((accumulator) => accumulator.finish(true))
  }

  #openWindow(start: number, since: { offset: number; newestTick: number }): OpenWindow {
    let window = this.#open.get(start)
    if (window === undefined) {
      // Who was established is asked as of ten minutes ago, when all windows before this one are surely closed.
      const asOf = start - 10 * MINUTE
      window = new OpenWindow(
        start,
        since,
        { newPairsPerOwner: this.#options.config.maxPairsPerDestination, pairs: MAX_OPEN_PAIRS },
        (owner, key) => this.#state.established(owner, key, asOf),
      )
      this.#open.set(start, window)
    }
    return window
  }

  #close(): Publication[] | undefined {
    const through = Math.floor(this.#watermark.time / WINDOW_US) * WINDOW_US
    if (!(through > this.#closed)) return undefined
    const publications: Publication[] = []
    const findings: Finding[] = []
    const starts = [...this.#open.keys()].filter((start) => start + WINDOW_US <= through).sort((a, b) => a - b)
    for (const start of starts) {
      const open = this.#open.get(start)!
      this.#open.delete(start)
      this.#options.counts.folded += open.folded
      const missing = this.#outages.covers(start, start + WINDOW_US)
      const closed: PairWindow[] = []
      for (const [owner, accumulators] of open.byOwner()) {
        const windows = accumulators.map((accumulator) => accumulator.finish(missing))
        for (const window of windows) {
          window.incomplete ||= this.#late.spoils(window)
          this.#remember(owner, window)
        }
        const occasion = { owner, start, end: start + WINDOW_US, watchedSince: this.#watchedSince, late: false }
        findings.push(...judge(this.#options.detectors, this.#state, occasion, windows))
        closed.push(...windows)
        this.#options.counts.windows += windows.length
      }
      publications.push(...this.#windowRecords(start + WINDOW_US, closed))
    }
    // Once a minute, at a time that the log alone decides.
    if (Math.floor(through / MINUTE) > Math.floor(this.#closed / MINUTE)) {
      const forgotten = this.#state.trim()
      this.#options.counts.evicted += forgotten
      const subject = `partition ${this.#options.partition} of stage 1`
      if (forgotten > 0) findings.push(...this.#troubles.tell('pairs_forgotten', subject, through))
    }
    this.#closed = through
    this.#outages.closed(through)
    this.#late.clear()
    this.#seq += 1
    publications.push(...(this.#findings(findings) ?? []), ...this.#ticks(through))
    return publications
  }

  #remember(owner: string, window: PairWindow): void {
    if (window.trust === 'claimed') return
    this.#state.seen(owner, window.key, window.start)
    this.#state.settle(owner, window.key, (carried) => settle(window, carried))
  }

  #judgeLate(late: readonly PairWindow[]): Finding[] {
    if (late.length === 0) return []
    for (const window of late) if (window.end <= this.#closed) this.#late.add(window)
    const groups = groupBySorted(late, (window) => JSON.stringify([window.start, window.pair.destinationService]))
    return groups.flatMap(([, windows]) => {
      const { start, end, pair } = windows[0]!
      const occasion = { owner: pair.destinationService, start, end, watchedSince: this.#watchedSince, late: true }
      return judge(this.#options.detectors, this.#state, occasion, windows.sort(byTrustAndKey))
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

  /** Undefined where there is nothing to publish. */
  #findings(findings: readonly Finding[]): Publication[] | undefined {
    if (findings.length === 0) return undefined
    this.#options.counts.findings += findings.length
    return findingRecords(findings, this.#options.partitions.findings)
  }

  #ticks(time: number): Publication[] {
    const { partition, partitions } = this.#options
    return tickRecords({ producer: `stage1/${partition}`, seq: this.#seq, time }, [
      { topic: TOPIC.windows, partitions: partitions.windows },
      { topic: TOPIC.findings, partitions: partitions.findings },
    ])
  }
}

function spanText({ from, to }: Outage): string {
  const text = (time: number) => new Date(time / 1000).toISOString()
  return `${text(from)} to ${text(to)}`
}

function skipMask(
  block: Block,
  skip: (ordinal: number, range: Block['deliveries'][number]) => boolean,
): Uint8Array | undefined {
  let mask: Uint8Array | undefined
  block.deliveries.forEach((range, ordinal) => {
    if (range.from === range.to || !skip(ordinal, range)) return
    mask ??= new Uint8Array(block.rows)
    mask.fill(1, range.from, range.to)
  })
  return mask
}

/** What must be kept of single rows: latency samples, and examples of what stands out. */
function sampleRows(rows: BlockRows, accumulators: readonly (PairAccumulator | undefined)[]): void {
  const kinds = rows.groups.map(noteworthy)
  const sides = rows.groups.map(sampledSide)
  const attempts = rows.numbers('attempts')
  const weight = rows.numbers('weight')
  const start = rows.numbers('start')
  const end = rows.numbers('end')
  const duration = rows.numbers('durationUs')
  const step = rows.numbers('durationStepUs')
  rows.groups.forEach((group, i) => {
    const accumulator = accumulators[i]
    if (accumulator?.wantsExample('any', group.sampleHash)) {
      accumulator.addExample('any', group.sampleHash, rows.example(group.sample))
    }
  })
  for (let row = 0; row < rows.rows; row += 1) {
    const group = rows.of[row]!
    const kind = kinds[group]
    const side = sides[group]
    if ((kind === undefined && side === undefined) || rows.skipped(row)) continue
    const accumulator = accumulators[group]
    if (accumulator === undefined) continue
    const id = rows.idHash(row)
    if (kind !== undefined) {
      const hash = hashNumber(hashNumber(id ?? 0, end[row]!), duration[row]!)
      if (accumulator.wantsExample(kind, hash)) accumulator.addExample(kind, hash, rows.example(row))
    }
    if (side === undefined || id === undefined || weight[row] !== 1) continue
    if (side === 'source' && attempts[row] !== 1) continue
    if (accumulator[side].wants(id))
      accumulator[side].add(id, rows.idCheck(row), start[row]!, duration[row]!, step[row]!)
  }
}

function noteworthy(group: RowGroup): ExampleKind | undefined {
  if (group.tlsFailure !== '') return 'tls_failure'
  if (group.outcome === 'denied') return 'denied'
  if (isMismatch(group)) return 'mismatch'
  if (group.decision === 'denied') return 'forbidden'
  if (group.tlsState === 'plaintext') return 'plaintext'
  return undefined
}

/** Only what went well says how long a call takes. */
function sampledSide(group: RowGroup): 'source' | 'destination' | undefined {
  if (group.kind !== 'request' || group.outcome !== 'ok' || group.trust !== 'verified') return undefined
  return group.reporter === 'source' || group.reporter === 'destination' ? group.reporter : undefined
}
