/** What a request to the HTTP interface asks: who, which statement, with what. https://clickhouse.com/docs/interfaces/http */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { PipelineError } from '../../core/errors.ts'
import { isLimit } from './limits.ts'

export const WRITER = 'eastwatch_writer'
export const READER = 'eastwatch_reader'

export interface Passwords {
  [WRITER]: string
  [READER]: string
}

export interface Request {
  user: typeof WRITER | typeof READER
  /** The `query` parameter; the body comes behind it. */
  query: string
  database: string
  format: string
  queryId: string
  params: Record<string, string>
  settings: Record<string, string>
  /** Limits that the reader asks for, by ClickHouse's names. */
  asked: Record<string, string>
  /** Of the TCP protocol, which Native blocks are to follow; 0 where the client names none. */
  revision: number
  /** The client asks for a compressed answer. */
  gzip: boolean
  /** Decompressed. */
  body: Readable
}

/** Parameters of the interface that are no settings of a query, or that change nothing here. */
const OWN = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'client_protocol_version',
  'quota_key',
  'enable_http_compression',
  'http_zlib_compression_level',
  'http_headers_progress_interval_ms',
  'http_write_exception_in_output_format',
  'wait_end_of_query',
  'buffer_size',
  'send_progress_in_http_headers',
  'cancel_http_readonly_queries_on_client_close',
])

/** What the reader may set: how results look, nothing else. (Not all of output_format_*: one of them names a file to write.) */
const READER_SETTINGS = /^(output_format_(json|pretty|csv|tsv)_\w+|date_time_output_format|join_use_nulls|limit)$/

const OWN_DATABASE = 'eastwatch'
const FORMAT = /^\w{1,64}$/
const QUERY_ID = /^[\x20-\x7e]{0,200}$/

/** Undefined where the user or the password is wrong. */
export function authenticate(headers: IncomingMessage['headers'], passwords: Passwords): keyof Passwords | undefined {
  const [user, password] = credentials(headers)
  if (user !== WRITER && user !== READER) return undefined
  return sameText(password, passwords[user]) ? user : undefined
}

function credentials(headers: IncomingMessage['headers']): [string, string] {
  const own = headers['x-clickhouse-user']
  if (typeof own === 'string') return [own, String(headers['x-clickhouse-key'] ?? '')]
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '')
  const text = Buffer.from(basic?.[1] ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

/** Loopback names only, against pages that resolve their own name to loopback (DNS rebinding). */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host ?? '')
}

/** Browsers say where a request comes from. A page of another site may know the reader's password; it has nothing to ask here. */
export function isOfOtherSite(headers: IncomingMessage['headers']): boolean {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

export function readRequest(message: IncomingMessage, user: keyof Passwords): Request {
  const url = new URL(message.url ?? '/', 'http://localhost')
  const params: Record<string, string> = {}
  const settings: Record<string, string> = {}
  const asked: Record<string, string> = {}
  for (const [name, value] of url.searchParams) {
    if (name === 'user' || name === 'password') {
      throw new PipelineError(
        'bad_input',
        'credentials in the URL are not taken; use Basic auth or X-ClickHouse-User and X-ClickHouse-Key',
      )
    }
    if (name.startsWith('param_')) params[name.slice('param_'.length)] = value
    else if (OWN.has(name)) continue
    else if (user === READER && isLimit(name)) asked[name] = value
    else if (user === READER && !READER_SETTINGS.test(name)) {
      throw new PipelineError('bad_input', `the read-only user may not set ${JSON.stringify(name.slice(0, 80))}`)
    } else settings[name] = value
  }
  const format =
    url.searchParams.get('default_format') ?? String(message.headers['x-clickhouse-format'] ?? 'TabSeparated')
  if (!FORMAT.test(format)) throw new PipelineError('bad_input', 'default_format is not the name of a format')
  const gzip =
    url.searchParams.get('enable_http_compression') === '1' &&
    /\bgzip\b/.test(String(message.headers['accept-encoding'] ?? ''))
  const queryId = url.searchParams.get('query_id') ?? ''
  if (!QUERY_ID.test(queryId)) throw new PipelineError('bad_input', 'query_id has more than 200 or unusual characters')
  return {
    user,
    query: url.searchParams.get('query') ?? '',
    database: databaseOf(url, message, user),
    format,
    queryId,
    params,
    settings,
    asked,
    revision: Number(/^\d{1,9}$/.exec(url.searchParams.get('client_protocol_version') ?? '')?.[0] ?? 0),
    gzip,
    body: decompressed(message),
  }
}

/** Clients say `default` where nobody named a database. The engine's `default` shows the files of the machine: not to the reader. */
function databaseOf(url: URL, message: IncomingMessage, user: keyof Passwords): string {
  const named = url.searchParams.get('database') ?? String(message.headers['x-clickhouse-database'] ?? '')
  if (user === WRITER) return named || OWN_DATABASE
  if (named.toLowerCase() === 'system') {
    throw new PipelineError('bad_input', 'the read-only user may not use the database system; write system.tables')
  }
  return named === 'default' ? OWN_DATABASE : named || OWN_DATABASE
}

function decompressed(message: IncomingMessage): Readable {
  const encoding = message.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return message
  if (encoding !== 'gzip') {
    throw new PipelineError('bad_input', `Content-Encoding ${JSON.stringify(encoding)} is not taken; use gzip or none`)
  }
  const gunzip = createGunzip()
  message.once('error', (error) => gunzip.destroy(error))
  return message.pipe(gunzip)
}

/** The whole body as text. Throws `too_large` past the limit, and leaves the rest to be read: the connection is used again. */
export async function bodyText(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new PipelineError('too_large', `query of more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
