import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { PipelineError } from '../core/errors.ts'
import { retry } from '../core/retry.ts'

const EXPORT_LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

/** Sends OTLP log requests over gRPC as a stock exporter does: unavailable means the same bytes again, later. */
export class LogSender {
  readonly #client: Client

  /** `target` is host:port of the collector. */
  constructor(target: string) {
    this.#client = new Client(target, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 })
  }

  send(body: Buffer, signal: AbortSignal): Promise<void> {
    return retry(() => this.#once(body), { firstMs: 100, maxMs: 5000, signal })
  }

  close(): void {
    this.#client.close()
  }

  #once(body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const same = (bytes: Buffer) => bytes
      this.#client.makeUnaryRequest(EXPORT_LOGS, same, same, body, (error: ServiceError | null) => {
        if (error === null) resolve()
        else {
          const retriable = error.code === status.UNAVAILABLE || error.code === status.RESOURCE_EXHAUSTED
          reject(new PipelineError('bus_unavailable', `collector refused logs: ${error.message}`, { retriable }))
        }
      })
    })
  }
}
