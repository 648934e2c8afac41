/**
 * Brings the store's schema to what this program knows: numbered files in `migrations/`, in order, each once.
 *
 * Safe to race without a lock: every statement of a migration can run again (IF NOT EXISTS and the like; a test reads them), so two
 * programs that start at once do the same work, and what is noted as applied is a set.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PipelineError } from '../core/errors.ts'
import type { Store } from './clickhouse.ts'

export interface Migration {
  number: number
  title: string
  statements: string[]
}

export function readMigrations(folder = join(import.meta.dirname, 'migrations')): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const match = /^(\d{3})_(\w+)\.sql$/.exec(name)
      if (match === null) throw new Error(`migration ${name} is not named NNN_title.sql`)
      const statements = readFileSync(join(folder, name), 'utf8')
        .split(/;[ \t]*$/m)
        .map((statement) => statement.trim())
        .filter((statement) => statement !== '')
      return { number: Number(match[1]), title: match[2]!, statements }
    })
}

/** What notes the others. */
export const LEDGER = [
  'CREATE DATABASE IF NOT EXISTS eastwatch ENGINE = Atomic',
  `CREATE TABLE IF NOT EXISTS eastwatch.migrations
    (number UInt32, title String, applied_at DateTime('UTC') DEFAULT now())
    ENGINE = ReplacingMergeTree ORDER BY number`,
]

/** Returns the numbers it applied. Throws `schema_ahead` where the store is newer than the program. */
export async function migrate(store: Store, migrations: readonly Migration[] = readMigrations()): Promise<number[]> {
  // Looked for, and not just made again: a user who may not make databases can do all else, and a cluster decides on nothing.
  const ledger = await store.rows("SELECT 1 FROM system.tables WHERE database = 'eastwatch' AND name = 'migrations'")
  if (ledger.length === 0) for (const statement of LEDGER) await store.command(statement)
  const rows = await store.rows<{ number: number }>('SELECT DISTINCT number FROM eastwatch.migrations')
  const applied = new Set(rows.map((row) => row.number))
  const newest = Math.max(0, ...migrations.map((migration) => migration.number))
  const ahead = [...applied].find((number) => number > newest)
  if (ahead !== undefined) {
    throw new PipelineError(
      'schema_ahead',
      `the store's schema is at migration ${ahead}, this program knows ${newest}: run the newer version of Eastwatch`,
    )
  }
  const missing = migrations.filter((migration) => !applied.has(migration.number))
  for (const { number, title, statements } of missing) {
    for (const statement of statements) await store.command(statement)
    await store.command(`INSERT INTO eastwatch.migrations (number, title) VALUES (${number}, '${title}')`)
  }
  return missing.map((migration) => migration.number)
}
