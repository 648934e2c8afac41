/** The listener for people: the API under /api/v1, and the page. */
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import express, { type Express } from 'express'
import { Access } from '../../alerts/api/access.ts'
import type { ApiContext } from '../../alerts/api/operation.ts'
import { API, apiRouter } from '../../alerts/api/router.ts'
import { listenOn, parseAddress } from '../../core/listen.ts'
import { namesLoopback } from '../../core/local-host.ts'
import type { Logger } from '../../core/logger.ts'
import type { ConsoleConfig } from './config.ts'
import { pageRouter } from './files.ts'
import { OPERATIONS } from './operations.ts'

export interface ConsoleOptions {
  config: ConsoleConfig
  context: ApiContext
  version: string
  logger: Logger
  /** Where the built page is; beside this file by default. */
  page?: string
}

export interface ConsoleServer {
  port: number
  stop(): Promise<void>
}

const ADDRESS_KEY = 'console.address'
const LIMITS: ServerOptions = { requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }
const MAX_CONNECTIONS = 512
/** Nothing of the page comes from anywhere else, and nothing else may show it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Resolves when it listens. */
export async function serveConsole({ config, context, version, logger, page }: ConsoleOptions): Promise<ConsoleServer> {
  const { address, tls, tokens, sessionKey, url } = config
  const app = express()
  app.disable('x-powered-by')
  // Answers are not kept, and files are kept for good: nobody asks whether one has changed.
  app.disable('etag')
  if (namesLoopback(parseAddress(address, ADDRESS_KEY).host)) onlyForThisMachine(app, url)
  app.use((_, response, next) => {
    response.set(HEADERS)
    next()
  })
  const secure = tls !== undefined || url?.startsWith('https:') === true
  const access = new Access(tokens, sessionKey)
  app.use(API, apiRouter({ operations: OPERATIONS, access, context, secure, version, logger }))
  app.use(pageRouter(access, page))
  const server: Server =
    tls === undefined
      ? createServer(LIMITS, app)
      : createTlsServer({ ...LIMITS, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' }, app)
  server.maxConnections = MAX_CONNECTIONS
  const port = await listenOn(server, address, ADDRESS_KEY)
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A page of another site must not reach it by a name that leads here (core/local-host.ts); a proxy in front has the name of `url`. */
function onlyForThisMachine(app: Express, url: string | undefined): void {
  const ownHost = url === undefined ? undefined : new URL(url).host
  app.use((request, response, next) => {
    const host = request.headers.host ?? ''
    if (namesLoopback(host) || host === ownHost) next()
    else response.status(421).type('text').send('this address serves localhost, and the name in console.url\n')
  })
}
