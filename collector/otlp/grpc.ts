/**
 * OTLP/gRPC: the three Export methods on @grpc/grpc-js, with bodies as they come. Compression and the size limit (also after
 * decompression) are the library's; a body that does not come in time, or comes when too many are coming, is refused here.
 */
import {
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type StatusObject,
  type sendUnaryData,
  setLogger,
  status,
} from '@grpc/grpc-js'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { parseAddress } from '../../core/listen.ts'
import type { Logger } from '../../core/logger.ts'
import type { CollectorConfig } from '../config.ts'
import type { Sender, Signal } from '../delivery.ts'
import type { Ingest } from '../ingest.ts'
import { encodeReceipt, encodeStatus, type Refusal, refusalOf } from './answer.ts'
import type { Listener } from './listener.ts'
import type { Senders } from './senders.ts'

const METHODS: Record<Signal, string> = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
}
/** Calls whose body is still coming: those bodies are not counted yet, so their number is bounded instead. */
const MAX_ARRIVING = 256
const MAX_ARRIVING_PER_ADDRESS = 64

export interface GrpcOptions {
  config: CollectorConfig
  ingest: Ingest
  senders: Senders
  logger: Logger
}

type ExportCall = ServerUnaryCall<Buffer, Buffer>

const NO_BYTES = Buffer.alloc(0)

export async function listenGrpc({ config, ingest, senders, logger }: GrpcOptions): Promise<Listener> {
  // The library's own lines; what matters of them comes as errors too, and is told once.
  const tell = (text: string) => logger.debug({ text }, 'grpc')
  setLogger({ error: tell, info: tell, debug: tell })
  const server = new Server({
    'grpc.max_receive_message_length': config.maxBodyBytes,
    'grpc.max_send_message_length': 1024 * 1024,
    // A client keeps to this by itself, so that one connection alone is never refused.
    'grpc.max_concurrent_streams': MAX_ARRIVING_PER_ADDRESS,
    'grpc.max_metadata_size': 16 * 1024,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_connection_idle_ms': 600_000,
    interceptors: [arrivals(config.bodyTimeoutMs)],
  } as ConstructorParameters<typeof Server>[0])
  const asIs = (bytes: Buffer): Buffer => bytes
  for (const signal of Object.keys(METHODS) as Signal[]) {
    const handle = (call: ExportCall, reply: sendUnaryData<Buffer>): void => {
      exportOne(call, signal, ingest, senders).then(
        (answer) => reply(null, answer),
        (error: unknown) => {
          if (!(error instanceof PipelineError)) logger.error({ reason: messageOf(error) }, 'an OTLP request failed')
          reply(statusOf(refusalOf(error)))
        },
      )
    }
    server.register(METHODS[signal], handle, asIs, asIs, 'unary')
  }
  const port = await bind(server, config)
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve())
      }),
    cut: () => server.forceShutdown(),
  }
}

async function exportOne(call: ExportCall, signal: Signal, ingest: Ingest, senders: Senders): Promise<Buffer> {
  const sender = senderOf(call, senders)
  const lease = ingest.open(sender)
  try {
    try {
      lease.take(call.request.byteLength)
    } catch (error) {
      ingest.refused(error)
      throw error
    }
    const delivery = ingest.arrived(call.request, signal, 'protobuf', sender)
    call.request = NO_BYTES
    return encodeReceipt(await ingest.accept(delivery, lease), signal, 'protobuf')
  } finally {
    lease.release()
  }
}

function senderOf(call: ExportCall, senders: Senders): Sender {
  const authorization = call.metadata.get('authorization')[0]
  return senders.identify({
    address: hostOf(call.getPeer()),
    certificate: call.getAuthContext().sslPeerCertificate,
    authorization: typeof authorization === 'string' ? authorization : undefined,
  })
}

/** The peer as grpc-js writes it is `host:port`, without brackets for IPv6. */
function hostOf(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon < 0 ? '' : peer.slice(0, colon).replace(/^\[|\]$/g, '')
}

function statusOf(refusal: Refusal): Partial<StatusObject> {
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', encodeStatus(refusal, 'protobuf'))
  return { code: refusal.grpc, details: refusal.message, metadata }
}

/** Bounds how many bodies are coming at once, over all and per address, and how long each may take. */
function arrivals(bodyTimeoutMs: number): ServerInterceptor {
  let all = 0
  const byAddress = new Map<string, number>()
  return (_, call) => {
    const address = hostOf(call.getPeer())
    let timer: NodeJS.Timeout | undefined
    const arrived = (): void => {
      if (timer === undefined) return
      clearTimeout(timer)
      timer = undefined
      all -= 1
      const own = (byAddress.get(address) ?? 1) - 1
      if (own === 0) byAddress.delete(address)
      else byAddress.set(address, own)
    }
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata(metadata, pass) {
            const own = byAddress.get(address) ?? 0
            if (all >= MAX_ARRIVING || own >= MAX_ARRIVING_PER_ADDRESS) {
              call.sendStatus(statusOf(refusalOf(tooManyArriving())) as StatusObject)
              return
            }
            all += 1
            byAddress.set(address, own + 1)
            timer = setTimeout(() => {
              arrived()
              call.sendStatus({
                code: status.DEADLINE_EXCEEDED,
                details: `the request did not arrive within ${bodyTimeoutMs} ms`,
                metadata: null,
              } as unknown as StatusObject)
            }, bodyTimeoutMs)
            pass(metadata)
          },
          onReceiveHalfClose(pass) {
            arrived()
            pass()
          },
          onCancel() {
            arrived()
          },
        }),
      sendStatus(statusObject, next) {
        arrived()
        next(statusObject)
      },
    })
  }
}

function tooManyArriving(): PipelineError {
  return new PipelineError('bus_full', 'too many requests are arriving at once', {
    retriable: true,
    retryAfterMs: 1000,
  })
}

function bind(server: Server, { grpcAddress, tls }: CollectorConfig): Promise<number> {
  const { host, port } = parseAddress(grpcAddress, 'collector.grpcAddress')
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return new Promise((resolve, reject) => {
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(
            tls.clientCa === undefined ? null : Buffer.from(tls.clientCa),
            [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) }],
            tls.clientCa !== undefined,
          )
    server.bindAsync(target, credentials, (cause, bound) => {
      if (cause === null) resolve(bound)
      else {
        const why = /EADDRINUSE/.test(cause.message)
          ? `port ${port} is in use; stop the other program or set collector.grpcAddress to another port`
          : `cannot listen (${messageOf(cause)})`
        reject(new PipelineError('port_in_use', `collector.grpcAddress ${grpcAddress}: ${why}`, { cause }))
      }
    })
  })
}
