/**
 * Ad-hoc SQL as the read-only user: over HTTP to the store that runs; where none runs on the data folder, one is started for the
 * question and stopped after it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, PipelineError } from '../core/errors.ts'
import { harmlessLines } from '../core/harmless.ts'
import { createLogger } from '../core/logger.ts'
import { findEndpoint } from './embedded/endpoint.ts'
import { READER } from './embedded/request.ts'
import { type StoreConfig, startStore } from './start.ts'

export interface StoreReader {
  rows<T>(sql: string): Promise<T[]>
  /** The answer's text in a ClickHouse format. */
  text(sql: string, format: string): Promise<string>
  close(): Promise<void>
}

/** Throws `folder_unusable` where there is no store yet. */
export async function openReader(config: StoreConfig, entry?: string): Promise<StoreReader> {
  const { dataFolder, storage } = config
  const running = await findEndpoint(dataFolder)
  if (running !== undefined) return readerOf(`http://127.0.0.1:${running.port}`, storage.readerPassword)
  if (!existsSync(join(dataFolder, 'clickhouse'))) {
    throw new PipelineError(
      'folder_unusable',
      `there is no store in ${dataFolder} yet: eastwatch up makes it; --config names a configuration with another dataFolder`,
    )
  }
  const store = await startStore(config, createLogger('silent'), { port: 0, ...(entry === undefined ? {} : { entry }) })
  return readerOf(store.url, storage.readerPassword, () => store.stop())
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

function readerOf(url: string, password: string, close = async () => {}): StoreReader {
  const text = async (sql: string, format: string) => {
    const query = new URLSearchParams({ default_format: format, output_format_pretty_color: '0' })
    let answer: Response
    try {
      answer = await fetch(`${url}/?${query}`, {
        method: 'POST',
        headers: { 'X-ClickHouse-User': READER, 'X-ClickHouse-Key': password },
        body: sql,
      })
    } catch (cause) {
      throw new PipelineError('store_unavailable', `the store at ${url} does not answer: ${messageOf(cause)}`, {
        cause,
      })
    }
    const body = await answer.text()
    if (answer.ok) return body
    const code = answer.status === 503 ? 'store_unavailable' : answer.status === 401 ? 'config' : 'bad_input'
    throw new PipelineError(code, body.trim())
  }
  return {
    text,
    rows: async <T>(sql: string) => {
      const lines = (await text(sql, 'JSONEachRow')).split('\n')
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
    },
    close,
  }
}
