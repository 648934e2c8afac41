/** Runs a sink on one partition of its topic: see sink.ts for what it promises and how. */
import type { Assignment, Batch, Bus, BusRecord, PartitionProcessor, StateWrite, StepResult } from '../core/bus/bus.ts'
import { SECOND } from '../core/clock.ts'
import { LogTime, type LogTimeSnapshot } from '../core/log-time.ts'
import { counter } from '../core/telemetry/instruments.ts'
import { decodeTick } from '../core/tick.ts'
import { Batcher } from './batcher.ts'
import type { Store } from './clickhouse.ts'
import { type Gatherer, type Insert, type SinkSpec, streamOf } from './sink.ts'

const METER = 'eastwatch.storage'
const rowsStored = counter(METER, 'eastwatch_stored_rows', { description: 'Rows stored, by table.' })
const inserts = counter(METER, 'eastwatch_stored_inserts', { description: 'Inserts into the store, by table.' })

/** Memory that spans batches is kept in the bus so often, in log time; what comes after is read again at a start. */
const SNAPSHOT_US = 10 * SECOND
const STATE_KEY = 'progress'
/**
 * A processor that stored nothing for so long looks whether its batch is there before it inserts it. It may have been stopped meanwhile,
 * and its partition have gone on elsewhere, for longer than the store knows tokens. Far less than that: a thousand inserts.
 */
const SURE_MS = 10_000

export function groupOf(sink: SinkSpec): string {
  return `storage-${sink.name}`
}

/** Stores what the topic carries until the signal aborts. Rejects where the store refuses a batch for good. */
export function runSink(sink: SinkSpec, bus: Bus, store: Store, signal: AbortSignal): Promise<void> {
  return bus.process({
    topic: sink.topic,
    group: groupOf(sink),
    signal,
    start: (assignment) => SinkProcessor.start(sink, store, assignment),
  })
}

export class SinkProcessor implements PartitionProcessor {
  readonly from: number
  readonly #sink: SinkSpec
  readonly #store: Store
  readonly #assignment: Assignment
  /** The store has everything before this offset, by `offsets`. */
  readonly #stored: number
  readonly #gatherer: Gatherer
  readonly #batcher: Batcher
  readonly #logTime: LogTime
  /** Offset after the last record taken: a batch that the bus repeats is recognised by it. */
  #position: number
  /** First offset of the batch being gathered, or -1. */
  #first = -1
  /** Where the snapshot in the bus stands, and its time. */
  #snapshot: { offset: number; time: number }
  /** When a batch that nobody had stored before last went in (monotonic). The one before the first may have, half seen. */
  #surelyAt = Number.NEGATIVE_INFINITY
  /** Offset of a record whose batch is gathered but not yet stored, or -1. */
  #cutAt = -1
  #result: StepResult | undefined

  private constructor(sink: SinkSpec, store: Store, assignment: Assignment, stored: number, saved: Saved | undefined) {
    this.#sink = sink
    this.#store = store
    this.#assignment = assignment
    this.#stored = stored
    this.#gatherer = sink.gatherer(saved?.memory)
    this.#logTime = saved === undefined ? new LogTime() : LogTime.restore(saved.logTime)
    this.#batcher = new Batcher(this.#logTime.time, sink.limits)
    this.#snapshot = { offset: saved?.offset ?? assignment.committed, time: this.#logTime.time }
    this.from = this.#snapshot.offset
    this.#position = this.from
  }

  static async start(sink: SinkSpec, store: Store, assignment: Assignment): Promise<SinkProcessor> {
    let saved: Saved | undefined
    for await (const [key, value] of assignment.state) if (key === STATE_KEY) saved = decodeSaved(value)
    const rows = await store.rows<{ next: number | string }>(
      `SELECT max(next) AS next FROM eastwatch.offsets
       WHERE sink = {sink:String} AND topic = {topic:String} AND partition = {partition:UInt32}`,
      { sink: sink.name, topic: placeOf(assignment), partition: assignment.partition },
    )
    return new SinkProcessor(sink, store, assignment, Number(rows[0]?.next ?? 0), saved)
  }

  async step(batch: Batch): Promise<StepResult | undefined> {
    for (const record of batch.records) {
      if (record.offset < this.#position) continue
      // Gathering a record changes memory; storing is what may fail. A repeat goes on with the storing.
      if (this.#cutAt !== record.offset && !this.#take(record)) {
        this.#position = record.offset + 1
        continue
      }
      this.#cutAt = record.offset
      await this.#flush(record.offset)
      this.#cutAt = -1
      this.#position = record.offset + 1
    }
    if (this.#sink.ticks === false && this.#first >= 0) await this.#flush(this.#position - 1)
    const result = this.#result
    this.#result = undefined
    return result
  }

  /** True where the batch ends with this record. */
  #take({ offset, value }: BusRecord): boolean {
    const tick = decodeTick(value)
    if (tick !== undefined) {
      this.#logTime.observe(tick)
      this.#gatherer.tick(this.#logTime.time)
      return this.#batcher.tick(this.#logTime.time)
    }
    const { rows, bytes, ends = false } = this.#gatherer.add(value)
    if (this.#first < 0) this.#first = offset
    return this.#batcher.add(rows, bytes) || ends
  }

  async #flush(last: number): Promise<void> {
    const next = last + 1
    if (next > this.#assignment.committed) {
      if (next > this.#stored && this.#first >= 0) await this.#insert(this.#first, last)
      // What an earlier batch of the same step remembered goes with this one: `keep` may rest on it.
      this.#result = { ...this.#result, next, ...this.#remember(next) }
    }
    this.#gatherer.clear()
    this.#batcher.cut()
    this.#first = -1
  }

  async #insert(first: number, last: number): Promise<void> {
    const { partition, logId } = this.#assignment
    let isFirst = true
    for (const insert of this.#gatherer.inserts()) {
      const token = `${logId}-${this.#sink.name}-${partition}-${first}-${last}-${insert.group}`
      const unsure = performance.now() - this.#surelyAt > SURE_MS
      if (unsure && (await this.#isStored(insert, token))) {
        isFirst = false
        continue
      }
      try {
        await this.#send(insert, token, token)
      } catch (error) {
        this.#surelyAt = Number.NEGATIVE_INFINITY
        throw error
      }
      // A single server notes a token just before the rows; killed in between, it takes the repeat for a duplicate. Replicas note
      // both as one; and there the look may ask one that has not got the rows yet, and put them in twice.
      if (unsure && !this.#store.replicated && !(await this.#isStored(insert, token))) {
        await this.#send(insert, token, `${token}-again`)
      }
      rowsStored(insert.rows, { table: insert.table })
      inserts(1, { table: insert.table })
    }
    // Where some were there before, somebody else may have gone on: the next are looked for as well.
    if (isFirst) this.#surelyAt = performance.now()
    await this.#store.command(
      `INSERT INTO eastwatch.offsets VALUES ('${this.#sink.name}', '${placeOf(this.#assignment)}', ${partition}, ${last + 1})`,
    )
  }

  #send(insert: Insert, batch: string, token: string): Promise<void> {
    const { table, columns, format } = insert
    return this.#store.insert({
      table,
      format,
      token,
      columns: [...columns, 'batch'],
      body: streamOf(insert.body(batch)),
    })
  }

  async #isStored({ table, near }: Insert, batch: string): Promise<boolean> {
    const rows = await this.#store.rows<{ found: number }>(
      `SELECT 1 AS found FROM eastwatch.${table} WHERE batch = {batch:String} AND ${near.sql} LIMIT 1`,
      { ...near.params, batch },
    )
    return rows.length > 0
  }

  /** What goes with the offset: memory now and then, and from where to read again at a start. */
  #remember(next: number): { keep: number; state?: StateWrite[] } {
    const { time } = this.#logTime
    const small = this.#gatherer.snapshot === undefined
    if (!small && time - this.#snapshot.time < SNAPSHOT_US) return { keep: this.#snapshot.offset }
    this.#snapshot = { offset: next, time }
    const saved = { offset: next, logTime: this.#logTime.snapshot(), memory: this.#gatherer.snapshot?.() }
    return { keep: next, state: [{ key: STATE_KEY, value: encodeSaved(saved) }] }
  }
}

/** The topic in its log: offsets of another log are not these, whatever they are. */
function placeOf({ topic, logId }: Assignment): string {
  return `${topic}@${logId}`
}

/** State of a sink's partition at a cut: offset after it, the log's time, the gatherer's memory. */
interface Saved {
  offset: number
  logTime: LogTimeSnapshot
  memory: Uint8Array | undefined
}

/** A line of JSON, and the memory where there is any. */
function encodeSaved({ offset, logTime, memory = new Uint8Array() }: Saved): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ offset, logTime })}\n`), memory])
}

function decodeSaved(value: Uint8Array): Saved {
  const end = value.indexOf(0x0a)
  const { offset, logTime } = JSON.parse(Buffer.from(value.subarray(0, end)).toString()) as Omit<Saved, 'memory'>
  const memory = end + 1 < value.length ? Uint8Array.prototype.slice.call(value, end + 1) : undefined
  return { offset, logTime, memory }
}
