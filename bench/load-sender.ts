/**
 * A sender of OTLP over gRPC that costs little, so that the machine's time goes to what is measured: bodies are framed once and sent
 * as they lie in memory.
 */
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_TE } = constants
/** Flag "not compressed", then the length as 32 bits, big-endian (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const FRAME_BYTES = 5

const HEADERS = {
  [HTTP2_HEADER_METHOD]: 'POST',
  [HTTP2_HEADER_PATH]: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
  [HTTP2_HEADER_TE]: 'trailers',
}

/** All requests under way, and some room. */
const SESSION_MEGABYTES = 256

/** The body behind its frame; change it in place with `subarray(FRAME_BYTES)`. */
export function framed(body: Uint8Array, compressed = false): Buffer {
  const message = Buffer.allocUnsafeSlow(FRAME_BYTES + body.length)
  message[0] = compressed ? 1 : 0
  message.writeUInt32BE(body.length, 1)
  message.set(body, FRAME_BYTES)
  return message
}

export class LoadSender {
  readonly #session: ClientHttp2Session

  /** `target` is host:port. */
  constructor(target: string) {
    this.#session = connect(`http://${target}`, { maxSessionMemory: SESSION_MEGABYTES })
  }

  /** Resolves when acknowledged; rejects with any other answer. */
  send(message: Buffer): Promise<void> {
    return this.#send(message, HEADERS)
  }

  /** The same of a body that is gzip. */
  sendGzip(body: Uint8Array): Promise<void> {
    return this.#send(framed(body, true), { ...HEADERS, 'grpc-encoding': 'gzip' })
  }

  #send(message: Buffer, headers: OutgoingHttpHeaders): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = this.#session.request(headers)
      let status: unknown
      const read = (headers: Record<string, unknown>) => {
        status = headers['grpc-status'] ?? status
      }
      request.on('response', read)
      request.on('trailers', read)
      request.on('error', reject)
      request.on('close', () => (status === '0' ? resolve() : reject(new Error(`answered grpc-status ${status}`))))
      request.resume()
      request.end(message)
    })
  }

  close(): void {
    this.#session.close()
  }
}
