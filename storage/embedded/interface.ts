/**
 * Enough of ClickHouse's HTTP interface for `@clickhouse/client`, curl and Grafana, in front of the embedded engine.
 * Two users: the writer may do all, the reader what guard.ts lets through, within the limits. Loopback only.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { answerError, answerResult, CODE } from './answer.ts'
import { Connections } from './connections.ts'
import { type Engine, EngineError, type QueryLimits } from './engine.ts'
import { readOnlyStatement } from './guard.ts'
import { HELLO, helloBlock } from './hello.ts'
import { awaitsRows, insertFromFile } from './insert.ts'
import { tightened } from './limits.ts'
import { watched } from './overdue.ts'
import {
  authenticate,
  bodyText,
  isLoopbackHost,
  isOfOtherSite,
  type Passwords,
  READER,
  type Request,
  readRequest,
} from './request.ts'
import { Slots } from './slots.ts'
import type { Spool } from './spool.ts'
import { Unsent } from './unsent.ts'

/** The engine parses no more. */
const MAX_READ_BYTES = 256 * 1024
/** Statements of the writer with their rows in them; larger inserts send the rows as a body. */
const MAX_WRITE_BYTES = 64 * 1024 * 1024
const WRITES_AT_ONCE = 4
const MAX_WAITING = 64
const MAX_CONNECTIONS = 256
/** A body that nobody will read is taken so long, so that its sender gets to read the answer. */
const LINGER_MS = 2_000
const MAX_UNSENT_BYTES = 256 * 1024 * 1024
const NAME = 'eastwatch'

export interface InterfaceOptions {
  engine: Engine
  spool: Spool
  passwords: Passwords
  limits: QueryLimits
  /** Reads that run at once; each may take limits.maxMemoryBytes. */
  readsAtOnce: number
  /** Told of a read that is far beyond its limit and cannot be stopped. */
  overdue(sql: string): void
}

export function createInterface(options: InterfaceOptions): Server {
  const reads = new Slots(options.readsAtOnce, MAX_WAITING)
  const writes = new Slots(WRITES_AT_ONCE, MAX_WAITING)
  const server = createServer(
    // Long SELECTs come in the URL; a client that does not finish its body is cut off.
    {
      maxHeaderSize: 256 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 120_000,
      keepAliveTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
    },
    (message, response) => {
      serve(message, response).catch((error: unknown) => {
        message.unpipe().resume()
        answerError(response, error)
        if (!message.complete) setTimeout(() => message.complete || message.destroy(), LINGER_MS).unref()
      })
    },
  )
  const unsent = new Unsent(MAX_UNSENT_BYTES)
  const connections = new Connections(server, MAX_CONNECTIONS)
  return server

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('X-ClickHouse-Server-Display-Name', NAME)
    if (!isLoopbackHost(message.headers.host)) {
      throw new EngineError(CODE.accessDenied, 'The Host header must name the loopback address. (ACCESS_DENIED)')
    }
    if (isOfOtherSite(message.headers)) {
      throw new EngineError(CODE.accessDenied, 'Pages of other sites are not answered. (ACCESS_DENIED)')
    }
    const path = (message.url ?? '/').split('?', 1)[0]
    if (path === '/ping') {
      response.end('Ok.\n')
      return
    }
    if (path !== '/' || (message.method !== 'GET' && message.method !== 'POST')) {
      response.statusCode = path === '/' ? 405 : 404
      response.end('There is only GET and POST of / and /ping.\n')
      return
    }
    const user = authenticate(message.headers, options.passwords)
    if (user === undefined) {
      throw new EngineError(
        CODE.authentication,
        'Authentication failed: user or password is wrong. (AUTHENTICATION_FAILED)',
      )
    }
    connections.weigh(message.socket, user === READER ? 1 : 2)
    const request = readRequest(message, user)
    response.setHeader('X-ClickHouse-Query-Id', request.queryId || randomUUID())
    response.setHeader('X-ClickHouse-Format', request.format)
    if (user === READER) await read(request, response)
    else await write(request, response)
  }

  async function read(request: Request, response: ServerResponse): Promise<void> {
    const { engine } = options
    if (!engine.outputFormats.has(request.format.toLowerCase())) {
      throw new EngineError(CODE.unknownFormat, `Unknown format ${request.format}. (UNKNOWN_FORMAT)`)
    }
    const text = joined(request.query, await bodyText(request.body, MAX_READ_BYTES))
    if (request.revision > 0 && text === HELLO) {
      const bytes = helloBlock({ name: NAME, version: engine.version, timeZone: engine.timeZone }, request.revision)
      await answerResult(
        response,
        { bytes, elapsedNs: 0, readRows: 1, readBytes: 0 },
        { gzip: false, written: false, unsent },
      )
      return
    }
    const { sql, asked } = readOnlyStatement(text, engine.tableFunctions)
    const limits = tightened(tightened(options.limits, request.asked), asked)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const result = await reads.run(() => {
      gone.signal.throwIfAborted()
      const answer = engine.query({ ...request, sql, limits, signal: gone.signal })
      return watched(answer, options.limits.maxSeconds, () => options.overdue(sql))
    })
    await answerResult(response, result, { gzip: request.gzip, written: false, unsent })
  }

  async function write(request: Request, response: ServerResponse): Promise<void> {
    const { engine, spool } = options
    if (request.query !== '' && awaitsRows(request.query)) {
      const result = await spool.hold(request.body, (path) =>
        writes.run(() => engine.query({ ...request, sql: insertFromFile(request.query, path) })),
      )
      await answerResult(response, result, { gzip: request.gzip, written: true, unsent })
      return
    }
    const sql = joined(request.query, await bodyText(request.body, MAX_WRITE_BYTES))
    const result = await writes.run(() => engine.query({ ...request, sql }))
    await answerResult(response, result, { gzip: request.gzip, written: /^\s*insert/i.test(sql), unsent })
  }
}

function joined(query: string, body: string): string {
  return query === '' ? body : body === '' ? query : `${query}\n${body}`
}
