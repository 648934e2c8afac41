/** A real embedded store for tests: the compiled child process on a folder of its own, port 0. */

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { createLogger } from '../../core/logger.ts'
import { connectStore, type Store } from '../../storage/clickhouse.ts'
import { StorageConfig } from '../../storage/config.ts'
import type { QueryLimits } from '../../storage/embedded/engine.ts'
import { type EmbeddedStore, startEmbedded } from '../../storage/embedded/supervisor.ts'
import { migrate } from '../../storage/migrate.ts'
import { applyTtl } from '../../storage/retention.ts'

export const ENTRY = join(import.meta.dirname, '../../dist/storage/embedded/server.js')
export const READER_PASSWORD = 'reads'
export const LIMITS: QueryLimits = {
  maxSeconds: 5,
  maxMemoryBytes: 256 * 1024 * 1024,
  maxResultRows: 100_000,
  maxResultBytes: 32 * 1024 * 1024,
}

export const quiet = createLogger('silent')

/** Why these tests cannot run here; undefined where they can. */
export function noEngine(): string | undefined {
  try {
    createRequire(import.meta.url).resolve('chdb')
    return undefined
  } catch {
    const reason = 'the optional package chdb is not installed: tests with the real store are skipped'
    console.warn(reason)
    return reason
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'eastwatch-store-'))
}

export interface TestStore {
  folder: string
  embedded: EmbeddedStore
  /** Writes. */
  client: ClickHouseClient
  /** Reads only. */
  reader: ClickHouseClient
  /** As the sinks use it. */
  store: Store
  rows<T>(sql: string): Promise<T[]>
  stop(): Promise<void>
}

export async function openStore(folder = temporaryFolder(), limits: Partial<QueryLimits> = {}): Promise<TestStore> {
  const embedded = await startEmbedded({
    entry: ENTRY,
    folder,
    port: 0,
    readerPassword: READER_PASSWORD,
    limits: { ...LIMITS, ...limits },
    readsAtOnce: 2,
    logger: quiet,
  })
  const { url } = embedded
  const client = createClient({ url, username: embedded.username, password: embedded.password, database: 'eastwatch' })
  const reader = createClient({ url, username: 'eastwatch_reader', password: READER_PASSWORD, database: 'eastwatch' })
  const store = connectStore({ url, username: embedded.username, password: embedded.password })
  return {
    folder,
    embedded,
    client,
    reader,
    store,
    rows: async <T>(sql: string) => (await client.query({ query: sql, format: 'JSONEachRow' })).json<T>(),
    stop: async () => {
      await Promise.all([client.close(), reader.close(), store.close()])
      await embedded.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A store with its schema, where rows of any year stay. */
export async function openMigrated(folder?: string, limits?: Partial<QueryLimits>): Promise<TestStore> {
  const opened = await openStore(folder, limits)
  await migrate(opened.store)
  const { ttlDays } = StorageConfig.parse({})
  await applyTtl(
    opened.store,
    mapValues(ttlDays, () => 3650),
  )
  return opened
}

function mapValues<K extends string>(values: Record<K, number>, to: () => number): Record<K, number> {
  return Object.fromEntries(Object.keys(values).map((key) => [key, to()])) as Record<K, number>
}
