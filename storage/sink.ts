/**
 * Sinks: what a topic carries goes into tables, each row once.
 *
 * A sink is a group of the bus. Its partitions gather records into batches (batcher.ts), and a batch is stored by one insert for each
 * partition of a table, each atomic in ClickHouse and named by a token of its place in the log; then a row in `offsets` says how far
 * the sink is; then the bus commits. A crash in between repeats the same batch with the same tokens: what is in the store already is
 * recognised by the token, and, should the engine have noted a token and died before the rows were in, by looking for them.
 */
import { Readable } from 'node:stream'
import type { BatchLimits } from './batcher.ts'
import type { InsertOptions } from './clickhouse.ts'

/** Rows for one partition of one table. */
export interface Insert {
  table: string
  /** Name of the table's partition, as in the table's PARTITION BY: one insert never spans two. */
  group: string
  format: InsertOptions['format']
  columns: readonly string[]
  rows: number
  /** The rows, in the format; each row's `batch` column holds the text given. */
  body(batch: string): Iterable<Uint8Array>
  /** Condition, beside that on `batch`, that finds a row of it fast; values as `{name:Type}`. */
  near: { sql: string; params: Record<string, unknown> }
}

/** What gathers the records of one topic partition, and turns them into inserts. Knows nothing of offsets and time. */
export interface Gatherer {
  /**
   * Takes a record that is no tick; its bytes must be copied where they are kept. Gives what it adds to the batch:
   * rows, and bytes (at least 1, also for a record that brings no row, as its offset is part of the batch). `ends` where the batch is to
   * be stored with this record, whatever its size.
   */
  add(value: Uint8Array): { rows: number; bytes: number; ends?: boolean }
  /** The log's time has come to `time`. */
  tick(time: number): void
  /** What the batch has, in an order that the log alone decides. */
  inserts(): Insert[]
  /** The batch is stored, or was already: begin the next. */
  clear(): void
  /** Memory that spans batches (deliveries seen), where there is any. */
  snapshot?(): Uint8Array
}

export interface SinkSpec {
  /** Also names the bus group: `storage-<name>`. */
  name: string
  topic: string
  /** False where the topic has no ticks: then what the bus hands out is a batch, and rows must replace their like. */
  ticks?: false
  /** Where batches are cut; BATCH_LIMITS where it does not say. */
  limits?: BatchLimits
  /** `snapshot`: what `snapshot()` gave at an earlier cut; undefined at the start of the log. */
  gatherer(snapshot: Uint8Array | undefined): Gatherer
}

/** Rows as JSON, one object a line, each with its `batch`. */
export function* jsonRows(rows: readonly object[], batch: string): Iterable<Uint8Array> {
  const step = 500
  const tail = `,"batch":${JSON.stringify(batch)}}\n`
  for (let at = 0; at < rows.length; at += step) {
    const lines = rows.slice(at, at + step).map((row) => JSON.stringify(row).slice(0, -1) + tail)
    yield Buffer.from(lines.join(''))
  }
}

export function streamOf(chunks: Iterable<Uint8Array>): Readable {
  return Readable.from(chunks, { objectMode: false })
}
