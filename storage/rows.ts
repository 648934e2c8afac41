/** Gathers rows for tables that are written as JSON, and values as those tables want them. */
import type { Gatherer, Insert } from './sink.ts'
import { jsonRows } from './sink.ts'
import { readOrPass } from './unreadable.ts'

export interface TableRow {
  table: string
  /** Value of the column of time that its table is partitioned by, epoch microseconds. */
  at: number
  /** Values by column; every row of a table has the same columns. */
  values: Record<string, unknown>
}

/** A table's PARTITION BY: toDate (`day`) or toYYYYMM (`month`) of a column of time. */
export interface Partitioning {
  column: string
  by: 'day' | 'month'
}

export interface RowSource {
  /** Rows of a record; undefined where it holds something else. */
  rows(value: Uint8Array): TableRow[] | undefined
  /** Tables the source fills. */
  tables: Record<string, Partitioning>
  /** The one of them whose rows somebody waits for: a batch ends with each. */
  awaited?: string
  /** Makes fewer rows of a batch's rows for one partition of a table. */
  combine?(rows: readonly TableRow[]): TableRow[]
}

export class RowGatherer implements Gatherer {
  readonly #source: RowSource
  readonly #groups = new Map<string, TableRow[]>()

  constructor(source: RowSource) {
    this.#source = source
  }

  add(value: Uint8Array): { rows: number; bytes: number; ends: boolean } {
    const { tables, awaited } = this.#source
    const rows = readOrPass(Object.keys(tables).join(', '), () => this.#source.rows(value)) ?? []
    for (const row of rows) {
      const group = `${row.table}-${partitionName(row.at, tables[row.table]!)}`
      const gathered = this.#groups.get(group)
      if (gathered === undefined) this.#groups.set(group, [row])
      else gathered.push(row)
    }
    const ends = rows.some(({ table }) => table === awaited)
    return { rows: rows.length, bytes: Math.max(1, value.length), ends }
  }

  tick(): void {
    // Rows need no time of the log.
  }

  inserts(): Insert[] {
    return [...this.#groups].map(([group, gathered]) => {
      const rows = this.#source.combine?.(gathered) ?? gathered
      const values = rows.map((row) => row.values)
      return {
        table: rows[0]!.table,
        group,
        format: 'JSONEachRow',
        columns: Object.keys(values[0]!),
        rows: rows.length,
        near: nearTimes(gathered, this.#source.tables[rows[0]!.table]!.column),
        body: (batch) => jsonRows(values, batch),
      }
    })
  }

  clear(): void {
    this.#groups.clear()
  }
}

function partitionName(at: number, { by }: Partitioning): string {
  const date = new Date(clamp(at) / 1000).toISOString()
  return by === 'day' ? date.slice(0, 10) : date.slice(0, 7)
}

/**
 * The part of the table's partition that holds the rows. Borders are DateTime64 and inclusive: ClickHouse 26.7 takes a DateTime64
 * column `< toDateTime(x)` for `<= x - 1 s` when it picks parts, and misses rows of the last second.
 */
function nearTimes(rows: readonly TableRow[], column: string): Insert['near'] {
  let [from, to] = [Number.POSITIVE_INFINITY, 0]
  for (const { at } of rows) {
    from = Math.min(from, secondsOf(at))
    to = Math.max(to, secondsOf(at) + 1)
  }
  return {
    sql: `${column} >= toDateTime64({from:UInt32}, 6, 'UTC') AND ${column} <= toDateTime64({to:UInt32}, 6, 'UTC')`,
    params: { from, to },
  }
}

/** Times that ClickHouse's DateTime holds; telemetry may say anything. */
const MAX_TIME = Date.UTC(2106, 0, 1) * 1000

function clamp(at: number): number {
  return Math.min(Math.max(Number.isFinite(at) ? at : 0, 0), MAX_TIME)
}

/** Epoch microseconds as ClickHouse reads them into DateTime64(6, 'UTC'). */
export function timeText(at: number): string {
  const micros = Math.floor(clamp(at))
  const date = new Date(Math.floor(micros / 1000)).toISOString()
  return `${date.slice(0, 10)} ${date.slice(11, 23)}${String(micros % 1000).padStart(3, '0')}`
}

/** Epoch microseconds as ClickHouse reads them into DateTime('UTC'): whole seconds. */
export function secondsOf(at: number): number {
  return Math.floor(clamp(at) / 1_000_000)
}
