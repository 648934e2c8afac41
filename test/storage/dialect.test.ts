import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { render, requestSettings } from '../../storage/dialect.ts'
import { LEDGER, readMigrations } from '../../storage/migrate.ts'
import { noEngine, openStore, type TestStore } from './store.ts'

const STATEMENTS = [...LEDGER, ...readMigrations().flatMap((migration) => migration.statements)]
/** Without comments, spaces made one. */
const bare = (sql: string) =>
  sql
    .replace(/^\s*--.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim()

describe('statements for one server', () => {
  it('are what the migration says, byte for byte, and a migration that ran somewhere never changes', () => {
    for (const statement of STATEMENTS) expect(render(statement, undefined)).toBe(statement)
    const first = readFileSync(join(import.meta.dirname, '../../storage/migrations/001_tables.sql'))
    expect(createHash('sha256').update(first).digest('hex')).toBe(
      '2d85393097908945943acaa2aa049c9af837496a911b69af9484bd933b243b88',
    )
  })

  it('send no setting but the one that keeps inserts apart', () => {
    expect(requestSettings(undefined)).toEqual({ async_insert: 0 })
  })
})

describe('statements for a cluster', () => {
  it('the database and the table of migrations', () => {
    expect(LEDGER.map((statement) => bare(render(statement, 'eastwatch-prod')))).toEqual([
      "CREATE DATABASE IF NOT EXISTS eastwatch ON CLUSTER 'eastwatch-prod' ENGINE = Atomic",
      "CREATE TABLE IF NOT EXISTS eastwatch.migrations ON CLUSTER 'eastwatch-prod' (number UInt32, title String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = ReplicatedReplacingMergeTree ORDER BY number",
    ])
  })

  it('a table without a window of tokens', () => {
    const offsets = STATEMENTS.find((statement) => statement.includes('eastwatch.offsets'))!
    expect(bare(render(offsets, 'main'))).toBe(
      "CREATE TABLE IF NOT EXISTS eastwatch.offsets ON CLUSTER 'main' ( sink LowCardinality(String), topic LowCardinality(String), " +
        'partition UInt32, next UInt64 ) ENGINE = ReplicatedReplacingMergeTree(next) ORDER BY (sink, topic, partition)',
    )
  })

  it('a table with one: known by Keeper, for a week', () => {
    const audit = STATEMENTS.find((statement) => statement.includes('eastwatch.audit'))!
    expect(bare(render(audit, 'main'))).toBe(
      "CREATE TABLE IF NOT EXISTS eastwatch.audit ON CLUSTER 'main' ( id String CODEC(ZSTD(1)), at DateTime64(6, 'UTC'), " +
        'actor LowCardinality(String), action LowCardinality(String), subject String CODEC(ZSTD(1)), detail String CODEC(ZSTD(1)), ' +
        'batch LowCardinality(String) CODEC(ZSTD(1)) ) ENGINE = ReplicatedMergeTree PARTITION BY toYYYYMM(at) ORDER BY (at, id) ' +
        'TTL toDateTime(at) + toIntervalDay(400) SETTINGS replicated_deduplication_window = 1000, ' +
        'replicated_deduplication_window_seconds = 604800',
    )
  })

  it('every table of the migrations is made on the cluster, replicated, with no window that replicas do not know', () => {
    const statements = STATEMENTS.slice(1).map((statement) => bare(render(statement, 'main')))
    const tables = statements.filter((statement) => !statement.startsWith('ALTER'))
    for (const change of statements.filter((statement) => statement.startsWith('ALTER'))) {
      expect(change).toMatch(/^ALTER TABLE eastwatch\.\w+ ON CLUSTER 'main'\s/)
    }
    for (const table of tables) {
      expect(table).toMatch(/^CREATE TABLE IF NOT EXISTS eastwatch\.\w+ ON CLUSTER 'main' \(/)
      expect(table).toMatch(/ ENGINE = Replicated(Replacing)?MergeTree[ (]/)
      expect(table).not.toContain('non_replicated')
    }
    expect(tables).toHaveLength(12)
  })

  it('changes of days and dropped partitions', () => {
    expect(render('ALTER TABLE eastwatch.calls MODIFY TTL toDateTime(end) + toIntervalDay(7)', 'main')).toBe(
      "ALTER TABLE eastwatch.calls ON CLUSTER 'main' MODIFY TTL toDateTime(end) + toIntervalDay(7)",
    )
    expect(render("ALTER TABLE eastwatch.calls DROP PARTITION ID '20261127'", 'main')).toBe(
      "ALTER TABLE eastwatch.calls ON CLUSTER 'main' DROP PARTITION ID '20261127'",
    )
  })

  it('inserts stay as they are: they go to one replica, and a majority has them', () => {
    const insert = "INSERT INTO eastwatch.offsets VALUES ('calls', 'eastwatch.calls', 1, 2)"
    expect(render(insert, 'main')).toBe(insert)
    expect(requestSettings('main')).toMatchObject({ async_insert: 0, insert_quorum: 'auto' })
  })
})

describe.skipIf(noEngine())('what the engine says of them', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore()
  })
  afterAll(() => store.stop())

  const parsed = async (sql: string) => {
    const rows = await store.store.rows<{ sql: string }>('SELECT formatQuery({sql:String}) AS sql', { sql })
    return rows[0]!.sql
  }

  it('reads each statement for a cluster', async () => {
    for (const statement of STATEMENTS) expect(await parsed(render(statement, 'main'))).toContain('ON CLUSTER main')
  })

  it('knows every setting of the tables and of the requests', async () => {
    const names = STATEMENTS.flatMap((statement) =>
      [...(/SETTINGS (.*)$/s.exec(render(statement, 'main'))?.[1] ?? '').matchAll(/(\w+) = /g)].map(
        (match) => match[1]!,
      ),
    )
    const known = async (table: string) =>
      (await store.rows<{ name: string }>(`SELECT name FROM ${table}`)).map((row) => row.name)
    expect(names).toContain('replicated_deduplication_window_seconds')
    expect(await known('system.merge_tree_settings')).toEqual(expect.arrayContaining(names))
    expect(await known('system.settings')).toEqual(expect.arrayContaining(Object.keys(requestSettings('main'))))
  })

  it('reads each statement of deploy/clickhouse/users.sql, and knows the settings of its profile', async () => {
    const file = readFileSync(join(import.meta.dirname, '../../deploy/clickhouse/users.sql'), 'utf8')
    const statements = file
      .split(/;$/m)
      .map(bare)
      .filter((statement) => statement !== '')
    expect(statements).toHaveLength(9)
    for (const statement of statements) expect(await parsed(statement)).toMatch(/^(CREATE|GRANT) /)
    const profile = statements.find((statement) => statement.includes('SETTINGS PROFILE IF NOT EXISTS'))!
    const names = [...profile.matchAll(/(\w+) = /g)].map((match) => match[1]!)
    expect(names.length).toBeGreaterThan(8)
    const rows = await store.rows<{ name: string }>('SELECT name FROM system.settings')
    expect(rows.map((row) => row.name)).toEqual(expect.arrayContaining(names))
  })
})
