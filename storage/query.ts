/**
 * Ad-hoc SQL as the read-only user: over HTTP to the server of the configuration, or to the embedded store that runs; where none runs
 * on the data folder, one is started for the question and stopped after it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { ClickHouseError, type DataFormat } from '@clickhouse/client'
import { PipelineError } from '../core/errors.ts'
import { harmlessLines } from '../core/harmless.ts'
import { createLogger } from '../core/logger.ts'
import { clientOf, type StoreAddress } from './clickhouse.ts'
import type { StorageConfig } from './config.ts'
import { findEndpoint } from './embedded/endpoint.ts'
import { READER } from './embedded/request.ts'
import { type StoreConfig, serverOf, startEngine } from './start.ts'
import { isLogInRefused, storeError } from './store-error.ts'

export interface StoreReader {
  /** `sql` names its values as `{name:Type}`. */
  rows<T>(sql: string, params?: Record<string, unknown>): Promise<T[]>
  /** The answer's text in a ClickHouse format. */
  text(sql: string, format: string): Promise<string>
  close(): Promise<void>
}

/** An answer may take as long as the query, and come a while after. */
const PATIENCE_MS = 30_000

/** Throws `folder_unusable` where there is no store yet. */
export async function openReader(config: StoreConfig, entry?: string): Promise<StoreReader> {
  const { dataFolder, storage } = config
  const read = (address: Pick<StoreAddress, 'url' | 'tls'>, close?: () => Promise<void>) =>
    connectReader(storage, address, close)
  const server = serverOf(storage)
  if (server !== undefined) return read({ url: server.url, tls: server.tls })
  const running = await findEndpoint(dataFolder)
  if (running !== undefined) return read({ url: `http://127.0.0.1:${running.port}` })
  if (!existsSync(join(dataFolder, 'clickhouse'))) {
    throw new PipelineError(
      'folder_unusable',
      `there is no store in ${dataFolder} yet: eastwatch up makes it; --config names a configuration with another dataFolder`,
    )
  }
  const store = await startEngine(config, createLogger('silent'), {
    port: 0,
    ...(entry === undefined ? {} : { entry }),
  })
  return read({ url: store.url }, () => store.stop())
}

/** A reader of the store at this address. */
export function connectReader(
  { readerPassword, query }: StorageConfig,
  address: Pick<StoreAddress, 'url' | 'tls'>,
  close?: () => Promise<void>,
): StoreReader {
  const login = { ...address, username: READER, password: readerPassword }
  return readerOf(login, query.maxSeconds * 1000 + PATIENCE_MS, close)
}

export interface QueryOptions {
  config: StoreConfig
  sql: string
  /** `table` for people, `json` for programs: one object a line. */
  format: 'table' | 'json'
  entry?: string
}

/** The answer as text. Throws `bad_input` with ClickHouse's words where the query is wrong or not allowed. */
export async function runQuery({ config, sql, format, entry }: QueryOptions): Promise<string> {
  const reader = await openReader(config, entry)
  try {
    const text = await reader.text(sql, format === 'json' ? 'JSONEachRow' : 'PrettyCompactMonoBlock')
    // Names come from telemetry: nothing in them may steer a terminal.
    return format === 'json' ? text : harmlessLines(text)
  } finally {
    await reader.close()
  }
}

function readerOf(address: StoreAddress, requestMs: number, close = async () => {}): StoreReader {
  const client = clientOf(address, requestMs, 'eastwatch')
  const text = async (sql: string, format: string, params: Record<string, unknown> = {}) => {
    try {
      // An error is then the whole answer, and never the end of one.
      const clickhouse_settings = {
        // The client's type knows those formats only that it reads itself.
        default_format: format as DataFormat,
        output_format_pretty_color: 0,
        wait_end_of_query: 1,
      } as const
      const { stream } = await client.exec({ query: sql, query_params: params, clickhouse_settings })
      return await textOf(stream)
    } catch (cause) {
      throw readerError(cause)
    }
  }
  return {
    text,
    rows: async <T>(sql: string, params?: Record<string, unknown>) => {
      const lines = (await text(sql, 'JSONEachRow', params)).split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
    },
    close: async () => {
      await client.close()
      await close()
    },
  }
}

const TOO_BUSY = '202'

/** What ClickHouse says of a query is for whoever asked it, in its own words. */
function readerError(cause: unknown): PipelineError {
  if (!(cause instanceof ClickHouseError)) return storeError('query', READER, cause)
  if (isLogInRefused(cause)) {
    return new PipelineError(
      'config',
      `the store refuses the user ${READER}: storage.readerPassword is not its password`,
      {
        cause,
      },
    )
  }
  const code = cause.code === TOO_BUSY ? 'store_unavailable' : 'bad_input'
  return new PipelineError(code, `Code: ${cause.code}. DB::Exception: ${cause.message}(${cause.type})`, { cause })
}
