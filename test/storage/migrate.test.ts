import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALL_COLUMN_NAMES } from '../../core/call.ts'
import { columnType, snakeCase } from '../../storage/columns.ts'
import { StorageConfig } from '../../storage/config.ts'
import { migrate, readMigrations } from '../../storage/migrate.ts'
import { applyTtl } from '../../storage/retention.ts'
import { noEngine, openStore, type TestStore } from './store.ts'

describe('migrations', () => {
  it('are numbered without gaps, and each statement can run again', () => {
    const migrations = readMigrations()
    expect(migrations.map((migration) => migration.number)).toEqual(migrations.map((_, at) => at + 1))
    for (const { statements } of migrations) {
      for (const statement of statements) {
        expect(statement.replace(/^--.*$/gm, '').trim()).toMatch(
          /^(CREATE \w+ IF NOT EXISTS|ALTER TABLE \S+\s+(ADD|DROP) COLUMN IF (NOT )?EXISTS|DROP \w+ IF EXISTS)/,
        )
        expect(statement).not.toMatch(/(ADD|DROP) COLUMN (?!IF )/)
      }
    }
  })

  it('the table of calls has the columns of CALL_COLUMNS, in order, and the batch', () => {
    const create = readMigrations()[0]!.statements[0]!
    const columns = [...create.matchAll(/^ {4}([a-z_0-9]+) (.+?) CODEC/gm)].map((match) => [match[1], match[2]])
    expect(columns).toEqual([
      ...CALL_COLUMN_NAMES.map((name) => [snakeCase(name), columnType(name)]),
      ['batch', 'LowCardinality(String)'],
    ])
  })
})

describe.skipIf(noEngine())('migrations on a store', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore()
  })
  afterAll(() => store.stop())

  it('may race: all end well, the schema is there once', async () => {
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(store.store)))
    expect(applied.flat()).toContain(1)
    expect(await migrate(store.store)).toEqual([])
    const tables = await store.rows<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'eastwatch' ORDER BY name",
    )
    expect(tables.map((table) => table.name)).toEqual([
      'audit',
      'calls',
      'findings',
      'incidents',
      'migrations',
      'notifications',
      'offsets',
      'otel_traces',
      'paths',
      'rejected',
      'silences',
      'windows',
    ])
    expect(await store.rows("SELECT engine FROM system.databases WHERE name = 'eastwatch'")).toEqual([
      { engine: 'Atomic' },
    ])
  })

  it('days that differ from the configuration are applied, once', async () => {
    const { ttlDays } = StorageConfig.parse({})
    expect(await applyTtl(store.store, ttlDays)).toEqual([])
    expect(await applyTtl(store.store, { ...ttlDays, calls: 7, traces: 1 })).toEqual(['calls', 'otel_traces'])
    expect(await applyTtl(store.store, { ...ttlDays, calls: 7, traces: 1 })).toEqual([])
    expect(await applyTtl(store.store, ttlDays)).toEqual(['calls', 'otel_traces'])
  })

  it('a store of a newer program is refused by name', async () => {
    await store.store.command("INSERT INTO eastwatch.migrations (number, title) VALUES (999, 'future')")
    await expect(migrate(store.store)).rejects.toMatchObject({
      code: 'schema_ahead',
      message: "the store's schema is at migration 999, this program knows 2: run the newer version of Eastwatch",
    })
  })
})
