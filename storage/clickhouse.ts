/** The one door to ClickHouse: sends statements over HTTP and says of each failure whether it is worth another try. */
import type { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { messageOf, PipelineError } from '../core/errors.ts'

export interface StoreAddress {
  url: string
  username: string
  password: string
}

export interface InsertOptions {
  table: string
  columns: readonly string[]
  format: 'Native' | 'JSONEachRow'
  /** The same token again, and the same rows go in once. */
  token: string
  body: Readable
}

/** All methods reject with PipelineError: `store_unavailable` (retriable) or `store_rejected`. */
export interface Store {
  insert(options: InsertOptions): Promise<void>
  /** `sql` names its values as `{name:Type}`. */
  rows<T>(sql: string, params?: Record<string, unknown>): Promise<T[]>
  command(sql: string): Promise<void>
  close(): Promise<void>
}

const REQUEST_MS = 120_000
const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/

export function connectStore(address: StoreAddress): Store {
  const client = createClient({
    ...address,
    database: 'eastwatch',
    application: 'eastwatch',
    request_timeout: REQUEST_MS,
    max_open_connections: 16,
    // Errors are thrown, and told by whoever catches them.
    log: { level: ClickHouseLogLevel.OFF },
  })
  return storeOver(client)
}

function storeOver(client: ClickHouseClient): Store {
  return {
    insert: ({ table, columns, format, token, body }) =>
      attempt(`insert into ${table}`, async () => {
        if (![table, ...columns].every((name) => NAME.test(name))) throw new Error('a name that is not plain')
        const names = columns.map((name) => `\`${name}\``).join(', ')
        // Text that was cut may hold half of a surrogate pair, which is stored as it stands.
        const json = format === 'JSONEachRow' ? ', input_format_json_throw_on_bad_escape_sequence = 0' : ''
        const settings = `insert_deduplication_token = '${token}', async_insert = 0, materialize_skip_indexes_on_insert = 0${json}`
        const { stream } = await client.exec({
          query: `INSERT INTO eastwatch.${table} (${names}) SETTINGS ${settings} FORMAT ${format}`,
          values: body,
        })
        for await (const _ of stream) {
          // The answer has no rows.
        }
      }),
    rows: <T>(sql: string, params: Record<string, unknown> = {}) =>
      attempt('query', async () => {
        const result = await client.query({ query: sql, query_params: params, format: 'JSONEachRow' })
        return (await result.json<T>()) as T[]
      }),
    command: (sql) =>
      attempt('statement', async () => {
        await client.command({ query: sql })
      }),
    close: () => client.close(),
  }
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw storeError(what, cause)
  }
}

/** Codes that say "not now". https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp */
const PASSING = new Set([
  '3', // UNEXPECTED_END_OF_FILE: the body was cut
  '159', // TIMEOUT_EXCEEDED
  '164', // READONLY: a server that is in read-only mode for now
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '236', // ABORTED: the server is going down
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '319', // UNKNOWN_STATUS_OF_INSERT
  '394', // QUERY_WAS_CANCELLED
  '999', // KEEPER_EXCEPTION
])
const DISK_FULL = /no space left on device|ENOSPC|disk quota exceeded/i

export function storeError(what: string, cause: unknown): PipelineError {
  if (!(cause instanceof ClickHouseError)) {
    return new PipelineError('store_unavailable', `${what}: the store does not answer: ${messageOf(cause)}`, {
      retriable: true,
      cause,
    })
  }
  const text = messageOf(cause).slice(0, 2000)
  const passing = PASSING.has(cause.code) || DISK_FULL.test(text)
  return new PipelineError(
    passing ? 'store_unavailable' : 'store_rejected',
    `${what}: ClickHouse ${passing ? 'cannot now' : 'refuses'}: ${text} (code ${cause.code})`,
    { retriable: passing, cause },
  )
}
