/** What a stopped pipeline has stored, as texts that can be compared row by row. */

import { EastwatchConfig } from '../../cli/config.ts'
import { openReader } from '../../storage/query.ts'
import { ENTRY } from '../storage/store.ts'
import type { World } from './pipeline.ts'

/**
 * `batch` is left out everywhere: it names the insert, which holds offsets of the log, and a resent delivery takes up offsets.
 * Paths are summed over about a minute of log time a row, and are read by summing, as their table says.
 */
const QUERIES = {
  calls: 'SELECT * EXCEPT (batch) FROM eastwatch.calls',
  rejected: 'SELECT * EXCEPT (batch) FROM eastwatch.rejected FINAL',
  windows: 'SELECT * EXCEPT (batch) FROM eastwatch.windows',
  paths: `SELECT trust, source_identity, source_workload, source_namespace, source_address, destination_service, method,
    route, sum(requests), sum(denied), sum(not_found), sum(allowed), sum(forbidden), sum(forbidden_ok), min(first), max(last)
    FROM eastwatch.paths GROUP BY ALL`,
  findings: 'SELECT * EXCEPT (batch) FROM eastwatch.findings',
  incidents: 'SELECT * EXCEPT (batch) FROM eastwatch.incidents FINAL',
}

export type Stored = Record<keyof typeof QUERIES, string[]>
export const TABLES = Object.keys(QUERIES) as (keyof Stored)[]

/** What a collector says of its own: when a record came, which is later where it had to be sent again. */
const OF_ARRIVAL: Partial<Record<keyof Stored, readonly string[]>> = {
  calls: ['received', 'late'],
  rejected: ['received'],
}

export async function readStored(world: World): Promise<Stored> {
  const reader = await openReader(EastwatchConfig.parse(world.config), ENTRY)
  try {
    const stored: Partial<Stored> = {}
    for (const [table, sql] of Object.entries(QUERIES)) {
      const text = await reader.text(sql, 'JSONEachRow')
      stored[table as keyof Stored] = text
        .split('\n')
        .filter((line) => line !== '')
        .sort()
    }
    return stored as Stored
  } finally {
    await reader.close()
  }
}

/** Rows without what says when they came, in order. */
export function withoutArrival(table: keyof Stored, rows: readonly string[]): string[] {
  const without = OF_ARRIVAL[table]
  if (without === undefined) return [...rows]
  const stripped = rows.map((row) => {
    const values = JSON.parse(row)
    for (const column of without) delete values[column]
    return JSON.stringify(values)
  })
  return stripped.sort()
}

export interface Difference {
  missing: string[]
  extra: string[]
}

/** Rows, with their number of times, that one has and the other has not. */
export function difference(expected: readonly string[], actual: readonly string[]): Difference {
  const left = new Map<string, number>()
  for (const row of expected) left.set(row, (left.get(row) ?? 0) + 1)
  const extra: string[] = []
  for (const row of actual) {
    const count = left.get(row) ?? 0
    if (count === 0) extra.push(row)
    else left.set(row, count - 1)
  }
  const missing = [...left].flatMap(([row, count]) => Array.from({ length: count }, () => row))
  return { missing, extra }
}

export const NO_DIFFERENCE: Difference = { missing: [], extra: [] }
