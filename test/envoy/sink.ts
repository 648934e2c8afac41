/** The smallest OTLP gRPC receiver of logs: keeps the bytes of each ExportLogsServiceRequest as they came. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'

export interface Sink {
  port: number
  /** Takes all bodies received so far. */
  take(): Buffer[]
  /** Bytes received since the start; grows while records arrive. */
  received(): number
  close(): void
}

export async function startSink(): Promise<Sink> {
  let bodies: Buffer[] = []
  let received = 0
  const server = new Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 })
  const asIs = (bytes: Buffer): Buffer => bytes
  const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
  server.register(
    path,
    (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      bodies.push(call.request)
      received += call.request.length
      reply(null, Buffer.alloc(0))
    },
    asIs,
    asIs,
    'unary',
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return {
    port,
    take() {
      const taken = bodies
      bodies = []
      return taken
    },
    received: () => received,
    close: () => server.forceShutdown(),
  }
}

/** Log records in an ExportLogsServiceRequest: resource_logs (1) / scope_logs (2) / log_records (2). */
export function countRecords(body: Uint8Array): number {
  return nested(body, [1, 2, 2])
}

function nested(message: Uint8Array, path: readonly number[]): number {
  const [field, ...rest] = path
  if (field === undefined) return 1
  let at = 0
  const varint = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = message[at]!
      at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  let count = 0
  while (at < message.length) {
    const tag = varint()
    // All fields on this way down are length-delimited.
    const length = varint()
    if (tag >> 3 === field) count += nested(message.subarray(at, at + length), rest)
    at += length
  }
  return count
}
