/** The one door to ClickHouse: sends statements over HTTP, as the store's dialect has them. */
import { Agent } from 'node:https'
import type { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { render, requestSettings } from './dialect.ts'
import type { StoreTls } from './server-config.ts'
import { storeError } from './store-error.ts'

export interface StoreAddress {
  url: string
  username: string
  password: string
  tls?: StoreTls | undefined
  /** Name of the cluster that the server belongs to. */
  cluster?: string | undefined
}

export interface InsertOptions {
  table: string
  columns: readonly string[]
  format: 'Native' | 'JSONEachRow'
  /** The same token again, and the same rows go in once. */
  token: string
  body: Readable
}

/** All methods reject with PipelineError: `store_unavailable` (retriable), `store_rejected`, or `config` (store-error.ts). */
export interface Store {
  /** The store notes a token and its rows as one, on a majority of its replicas. */
  readonly replicated: boolean
  insert(options: InsertOptions): Promise<void>
  /** `sql` names its values as `{name:Type}`. */
  rows<T>(sql: string, params?: Record<string, unknown>): Promise<T[]>
  /** A statement as one server takes it; on a cluster it is made to reach every replica. */
  command(sql: string): Promise<void>
  /** What is under way is given up: it may have been done or not. */
  close(): Promise<void>
}

/** Without a sign of the server. An insert is then sent again by its token; one that still goes on over there does no harm. */
const REQUEST_MS = 60_000
const CONNECTIONS = 16
const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/

/** `database`: what a table without one belongs to. A server refuses every request that names one which is not there yet. */
export function clientOf(
  { url, username, password, tls }: StoreAddress,
  requestMs: number,
  database = 'default',
): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    database,
    application: 'eastwatch',
    request_timeout: requestMs,
    max_open_connections: CONNECTIONS,
    // The client's own `tls` takes a certificate of ours for a log-in without a password.
    ...(tls === undefined ? {} : { http_agent: agentOf(tls) }),
    // Errors are thrown, and told by whoever catches them.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

function agentOf({ ca, certificate, key }: StoreTls): Agent {
  return new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ca, cert: certificate, key })
}

export function connectStore(address: StoreAddress, requestMs = REQUEST_MS): Store {
  const { cluster, username } = address
  const client = clientOf(address, requestMs)
  const clickhouse_settings = requestSettings(cluster)
  const underWay = new Set<AbortController>()
  const attempt = async <T>(what: string, work: (abort_signal: AbortSignal) => Promise<T>): Promise<T> => {
    const giveUp = new AbortController()
    underWay.add(giveUp)
    try {
      return await work(giveUp.signal)
    } catch (cause) {
      throw storeError(what, username, cause)
    } finally {
      underWay.delete(giveUp)
    }
  }
  return {
    replicated: cluster !== undefined,
    insert: ({ table, columns, format, token, body }) =>
      attempt(`insert into ${table}`, async (abort_signal) => {
        if (![table, ...columns].every((name) => NAME.test(name))) throw new Error('a name that is not plain')
        const names = columns.map((name) => `\`${name}\``).join(', ')
        // Text that was cut may hold half of a surrogate pair, which is stored as it stands.
        const json = format === 'JSONEachRow' ? ', input_format_json_throw_on_bad_escape_sequence = 0' : ''
        const settings = `insert_deduplication_token = '${token}', materialize_skip_indexes_on_insert = 0${json}`
        const { stream } = await client.exec({
          query: `INSERT INTO eastwatch.${table} (${names}) SETTINGS ${settings} FORMAT ${format}`,
          values: body,
          clickhouse_settings,
          abort_signal,
        })
        for await (const _ of stream) {
          // The answer has no rows.
        }
      }),
    rows: <T>(sql: string, params: Record<string, unknown> = {}) =>
      attempt('query', async (abort_signal) => {
        const result = await client.query({ query: sql, query_params: params, format: 'JSONEachRow', abort_signal })
        return (await result.json<T>()) as T[]
      }),
    command: (sql) =>
      attempt('statement', async (abort_signal) => {
        await client.command({ query: render(sql, cluster), clickhouse_settings, abort_signal })
      }),
    close: async () => {
      for (const giveUp of underWay) giveUp.abort()
      await client.close()
    },
  }
}
