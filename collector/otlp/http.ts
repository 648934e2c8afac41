/** OTLP/HTTP on express: /v1/logs, /v1/traces, /v1/metrics; protobuf and JSON; plain and gzip. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import express, { type NextFunction, type Request, type Response } from 'express'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { listenOn, parseAddress } from '../../core/listen.ts'
import { namesLoopback } from '../../core/local-host.ts'
import type { Logger } from '../../core/logger.ts'
import type { CollectorConfig } from '../config.ts'
import type { Encoding, Sender, Signal } from '../delivery.ts'
import type { Ingest } from '../ingest.ts'
import { encodeReceipt, encodeStatus, refusalOf } from './answer.ts'
import type { Listener } from './listener.ts'
import { readBody } from './read-body.ts'
import type { Senders } from './senders.ts'

const CONTENT_TYPE: Record<Encoding, string> = { protobuf: 'application/x-protobuf', json: 'application/json' }
const SIGNALS: readonly Signal[] = ['logs', 'traces', 'metrics']
const MAX_CONNECTIONS = 4096

export interface HttpOptions {
  config: CollectorConfig
  ingest: Ingest
  senders: Senders
  logger: Logger
}

export async function listenHttp(options: HttpOptions): Promise<Listener> {
  const { config, logger } = options
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  const { host } = parseAddress(config.httpAddress, 'collector.httpAddress')
  if (namesLoopback(host)) app.use(requireLocalHost)
  for (const signal of SIGNALS) {
    app
      .route(`/v1/${signal}`)
      .post((request, response) => exportOne(request, response, signal, options))
      .all((_, response) => {
        response.set('Allow', 'POST').status(405).type('text').send('only POST is served here\n')
      })
  }
  app.use((_: Request, response: Response) => {
    response.status(404).type('text').send('OTLP is served at /v1/logs, /v1/traces and /v1/metrics\n')
  })
  app.use((error: unknown, _: Request, response: Response, __: NextFunction) => {
    logger.error({ reason: messageOf(error) }, 'an OTLP request failed')
    response.status(503).set('Retry-After', '1').end()
  })
  const server = createListener(config, app)
  server.maxConnections = MAX_CONNECTIONS
  const port = await listenOn(server, config.httpAddress, 'collector.httpAddress')
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
    cut: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function createListener({ tls, bodyTimeoutMs }: CollectorConfig, app: express.Express): Server {
  const limits = {
    headersTimeout: Math.min(5000, bodyTimeoutMs),
    requestTimeout: bodyTimeoutMs,
    keepAliveTimeout: 60_000,
    connectionsCheckingInterval: Math.min(1000, bodyTimeoutMs),
    maxHeaderSize: 16 * 1024,
  }
  if (tls === undefined) return createServer(limits, app)
  const { certificate: cert, key, clientCa: ca } = tls
  return createTlsServer(
    { ...limits, cert, key, handshakeTimeout: 10_000, ...(ca === undefined ? {} : { ca, requestCert: true }) },
    app,
  )
}

async function exportOne(request: Request, response: Response, signal: Signal, options: HttpOptions): Promise<void> {
  const { config, ingest, senders, logger } = options
  const encoding = encodingOf(request)
  try {
    const sender = senderOf(request, senders)
    if (encoding === undefined) {
      const given = JSON.stringify(request.headers['content-type'] ?? '')
      throw new Unsupported(`content type ${given} is not served: application/x-protobuf or application/json`)
    }
    const compression = request.headers['content-encoding'] ?? 'identity'
    if (compression !== 'gzip' && compression !== 'identity') {
      throw new Unsupported(`content encoding ${JSON.stringify(compression)} is not served: gzip or none`)
    }
    const receipt = await ingest.receive({ sender, signal, encoding }, (take) =>
      readBody(request, compression === 'gzip', { maxBytes: config.maxBodyBytes, take }),
    )
    reply(response, 200, encoding, encodeReceipt(receipt, signal, encoding))
  } catch (error) {
    if (!(error instanceof PipelineError)) logger.error({ reason: messageOf(error) }, 'an OTLP request failed')
    refuse(request, response, error, encoding ?? 'json')
  }
}

function refuse(request: Request, response: Response, error: unknown, encoding: Encoding): void {
  const refusal = refusalOf(error)
  if (refusal.retryAfterMs !== undefined) {
    response.set('Retry-After', String(Math.max(1, Math.ceil(refusal.retryAfterMs / 1000))))
  }
  if (refusal.http === 401) response.set('WWW-Authenticate', 'Bearer')
  // What is left of a refused body is not waited for.
  if (!request.complete) response.set('Connection', 'close')
  const code = error instanceof Unsupported ? 415 : refusal.http
  reply(response, code, encoding, encodeStatus(refusal, encoding))
}

/** Past express, which would add a charset to the type. */
function reply(response: Response, code: number, encoding: Encoding, body: Buffer): void {
  response.writeHead(code, { 'Content-Type': CONTENT_TYPE[encoding], 'Content-Length': body.length }).end(body)
}

/** 415; to gRPC's codes it is bad input like any other. */
class Unsupported extends PipelineError {
  constructor(message: string) {
    super('bad_input', message)
  }
}

function encodingOf({ headers }: IncomingMessage): Encoding | undefined {
  const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  if (type === 'application/x-protobuf' || type === 'application/protobuf') return 'protobuf'
  return type === 'application/json' ? 'json' : undefined
}

function senderOf(request: Request, senders: Senders): Sender {
  const socket = request.socket as TLSSocket
  const certificate = socket.authorized === true ? socket.getPeerCertificate() : undefined
  return senders.identify({
    address: socket.remoteAddress ?? '',
    certificate: certificate !== undefined && Object.keys(certificate).length > 0 ? certificate : undefined,
    authorization: request.headers.authorization,
  })
}

function requireLocalHost(request: Request, response: Response, next: NextFunction): void {
  if (namesLoopback(request.headers.host ?? '')) next()
  else response.status(421).type('text').send('this address serves localhost only\n')
}
