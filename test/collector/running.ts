/** A running collector on free ports with a memory bus and a plain source, and clients to talk to it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { pino } from 'pino'
import { type CollectorOptions, type RunningCollector, startCollector } from '../../collector/app.ts'
import { CollectorConfig } from '../../collector/config.ts'
import type { Annotator } from '../../collector/naming/annotate.ts'
import { Directory } from '../../collector/naming/directory.ts'
import { FIELD } from '../../collector/otlp/log-record.ts'
import type { LogSource } from '../../collector/sources/source.ts'
import { emptyCall } from '../../core/call.ts'
import { systemClock } from '../../core/clock.ts'
import { MemoryBus } from './memory-bus.ts'

/** A record becomes a call unless its method is REFUSE; `log_name` says who reports. */
export const plainSource: LogSource = {
  name: 'plain',
  read(record, { sender, trust, received }) {
    const { values } = record
    if (values[FIELD.method] === 'REFUSE') return { reason: 'refused', detail: 'the record asks for it' }
    if (values[FIELD.method] === 'BREAK') throw new Error('a bug')
    const call = emptyCall()
    call.reporter = values[FIELD.logName] === 'source' ? 'source' : 'destination'
    call.sourceIdentity = values[FIELD.downstreamPeerUriSan]!.replace('spiffe://', '')
    call.destinationIdentity = values[FIELD.downstreamLocalUriSan]!.replace('spiffe://', '')
    call.destinationService = values[FIELD.authority]!
    call.path = values[FIELD.path]!
    call.durationUs = Number(values[FIELD.durationUs])
    call.start = record.timeUs
    call.end = record.timeUs + call.durationUs
    return Object.assign(call, { sender, trust, received })
  },
}

/** Knows nothing and says nothing. */
export const noAnnotator: Annotator = {
  inForce: () => undefined,
  declare: () => {},
  decider: () => () => ({ decision: 'unknown', reason: '' }),
  learn: () => {},
  directory: new Directory(),
}

export interface Running extends RunningCollector {
  bus: MemoryBus
  stop(): Promise<void>
}

export type RunningOptions = Partial<
  Pick<CollectorOptions, 'sources' | 'annotator' | 'clock' | 'ticking' | 'dataFolder'>
> & {
  bus?: MemoryBus
}

export async function running(
  config: Parameters<typeof CollectorConfig.parse>[0] = {},
  options: RunningOptions = {},
): Promise<Running> {
  const abort = new AbortController()
  const bus = options.bus ?? new MemoryBus()
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-collector-'))
  const collector = await startCollector(
    {
      config: CollectorConfig.parse({ grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', ...(config as object) }),
      dataFolder: folder,
      clock: systemClock,
      sources: [plainSource],
      annotator: noAnnotator,
      logger: pino({ level: 'silent' }),
      ticking: false,
      ...options,
      bus,
    },
    abort.signal,
  )
  return {
    ...collector,
    bus,
    async stop() {
      abort.abort()
      await collector.stopped
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const EXPORT = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
} as const

export interface GrpcClient {
  /** Resolves with the answer's bytes, rejects with the ServiceError. */
  send(body: Buffer, path?: string): Promise<Buffer>
  close(): void
}

export function grpcClient(
  port: number,
  options: { credentials?: ChannelCredentials; token?: string; gzip?: boolean; target?: string } = {},
): GrpcClient {
  const client = new Client(
    options.target ?? `127.0.0.1:${port}`,
    options.credentials ?? credentials.createInsecure(),
    {
      'grpc.max_send_message_length': -1,
      'grpc.ssl_target_name_override': 'localhost',
      // A channel of its own: equal options would share one connection.
      'grpc.use_local_subchannel_pool': 1,
      ...(options.gzip === true ? { 'grpc.default_compression_algorithm': 2 } : {}),
    },
  )
  const same = (bytes: Buffer) => bytes
  const metadata = new Metadata()
  if (options.token !== undefined) metadata.set('authorization', `Bearer ${options.token}`)
  return {
    send: (body, path = EXPORT.logs) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, body, metadata, (error: ServiceError | null, answer) =>
          error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error),
        )
      }),
    close: () => client.close(),
  }
}
