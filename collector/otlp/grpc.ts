/**
 * OTLP/gRPC: the three Export methods, unary gRPC straight on node:http2. Not @grpc/grpc-js, whose server keeps HTTP/2's windows of
 * 64 KiB and shows a body only once it is whole: docs/decisions/008-grpc-on-http2.md.
 */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { listenOn } from '../../core/listen.ts'
import type { Logger } from '../../core/logger.ts'
import type { CollectorConfig } from '../config.ts'
import type { Signal } from '../delivery.ts'
import type { Ingest } from '../ingest.ts'
import { encodeReceipt, refusalOf } from './answer.ts'
import { Arrivals } from './arrivals.ts'
import { GrpcRefusal, readMessage, refuse, refuseHttp, reply, speaksGrpc } from './grpc-call.ts'
import { GRPC_STATUS } from './grpc-status.ts'
import type { Listener } from './listener.ts'
import type { Peer, Senders } from './senders.ts'

const METHODS: ReadonlyMap<string, Signal> = new Map([
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs'],
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
])

const MAX_CONNECTIONS = 4096
/** A client keeps to this by itself, so that one connection alone is never refused for too many calls. */
const MAX_STREAMS = 64
/**
 * What may be under way on one call and on one connection before we say that we took it. HTTP/2's own 64 KiB hold a sender to 64 KiB
 * for each time that the collector looks at its sockets, which it does between deliveries.
 */
const STREAM_WINDOW = 1024 * 1024
const CONNECTION_WINDOW = 8 * 1024 * 1024
/** Memory of one connection past which node:http2 takes no more calls of it. */
const SESSION_MEGABYTES = 64
const MAX_HEADER_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 60_000
const IDLE_MS = 600_000
const HANDSHAKE_MS = 10_000

export interface GrpcOptions {
  config: CollectorConfig
  ingest: Ingest
  senders: Senders
  logger: Logger
}

export async function listenGrpc(options: GrpcOptions): Promise<Listener> {
  const { config, logger } = options
  const server = createListener(config)
  const sessions = new Set<ServerHttp2Session>()
  const arrivals = new Arrivals()
  server.maxConnections = MAX_CONNECTIONS
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setLocalWindowSize(CONNECTION_WINDOW)
    session.setTimeout(IDLE_MS, () => session.close())
    const peer = peerOf(session)
    session.on('stream', (stream, headers) => serve(stream, headers, peer, arrivals, options))
  })
  server.on('sessionError', (error) => logger.debug({ reason: messageOf(error) }, 'a gRPC connection failed'))
  const port = await listenOn(server, config.grpcAddress, 'collector.grpcAddress')
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.close()
      }),
    cut: () => {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}

function createListener({ tls }: CollectorConfig): Http2Server | Http2SecureServer {
  const limits = {
    maxSessionMemory: SESSION_MEGABYTES,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW,
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: MAX_HEADER_BYTES,
    },
  }
  if (tls === undefined) return createServer(limits)
  const { certificate: cert, key, clientCa: ca } = tls
  const mutual = ca === undefined ? {} : { ca, requestCert: true }
  return createSecureServer({ ...limits, cert, key, handshakeTimeout: HANDSHAKE_MS, ...mutual })
}

function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Omit<Peer, 'authorization'>,
  arrivals: Arrivals,
  options: GrpcOptions,
): void {
  // The call's reader, or nobody any more, is told by `close`.
  stream.on('error', () => {})
  if (headers[':method'] !== 'POST' || !speaksGrpc(headers)) {
    refuseHttp(stream, headers[':method'] === 'POST' ? 415 : 405)
    return
  }
  exportOne(stream, headers, peer, arrivals, options).then(
    (answer) => reply(stream, answer),
    (error: unknown) => {
      if (error instanceof GrpcRefusal) return refuse(stream, error)
      if (!(error instanceof PipelineError)) {
        options.logger.error({ reason: messageOf(error) }, 'an OTLP request failed')
      }
      refuse(stream, refusalOf(error))
    },
  )
}

async function exportOne(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Omit<Peer, 'authorization'>,
  arrivals: Arrivals,
  { config, ingest, senders }: GrpcOptions,
): Promise<Buffer> {
  const path = headers[':path'] ?? ''
  const signal = METHODS.get(path)
  if (signal === undefined) throw new GrpcRefusal(GRPC_STATUS.UNIMPLEMENTED, `there is no method ${path}`)
  const sender = senders.identify({ ...peer, authorization: headers.authorization })
  const encoding = String(headers['grpc-encoding'] ?? 'identity')
  const receipt = await ingest.receive({ sender, signal, encoding: 'protobuf' }, (take) =>
    arrivals.of(peer.address, () =>
      readMessage(stream, encoding, { maxBytes: config.maxBodyBytes, take }, config.bodyTimeoutMs),
    ),
  )
  return encodeReceipt(receipt, signal, 'protobuf')
}

/** Looked at once a connection: a certificate is a large object to make. */
function peerOf({ socket }: ServerHttp2Session): Omit<Peer, 'authorization'> {
  const { authorized } = socket as TLSSocket
  const certificate = authorized === true ? (socket as TLSSocket).getPeerCertificate() : undefined
  return {
    address: socket.remoteAddress ?? '',
    certificate: certificate !== undefined && Object.keys(certificate).length > 0 ? certificate : undefined,
  }
}
