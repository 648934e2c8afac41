/** One unary call of gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md): its message, and its answer. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { PipelineError } from '../../core/errors.ts'
import { giveBack } from '../body-memory.ts'
import { encodeStatus, type Refusal } from './answer.ts'
import { ACCEPTED_ENCODINGS, inflated, isKnownEncoding, MessageReader, PREFIX_BYTES } from './grpc-message.ts'
import { GRPC_STATUS, type GrpcStatus } from './grpc-status.ts'
import type { BodyLimits } from './read-body.ts'

const { HTTP2_HEADER_STATUS, HTTP2_HEADER_CONTENT_TYPE, NGHTTP2_NO_ERROR } = constants
const CONTENT_TYPE = 'application/grpc'
/** Longest `grpc-message`, in bytes before it is escaped. */
const MAX_MESSAGE_BYTES = 1024

/** A refusal that has no HTTP counterpart. */
export class GrpcRefusal extends Error {
  readonly code: GrpcStatus
  constructor(code: GrpcStatus, message: string) {
    super(message)
    this.code = code
  }
}

/** True where the call says that it speaks gRPC. */
export function speaksGrpc(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc(?:[+;]|$)/i.test(headers['content-type'] ?? '')
}

/**
 * The message of the call, decompressed. Throws a PipelineError (`bad_input`, `too_large`, what `take` throws) or a GrpcRefusal: of an
 * encoding that is not known, and of a message that is not there in time.
 */
export async function readMessage(
  stream: ServerHttp2Stream,
  encoding: string,
  limits: BodyLimits,
  timeoutMs: number,
): Promise<Buffer> {
  const { bytes, compressed } = await arrived(stream, limits, timeoutMs)
  if (!compressed) return bytes
  if (isKnownEncoding(encoding)) {
    const message = await inflated(bytes, encoding, limits)
    giveBack(bytes)
    return message
  }
  const known = `this collector knows ${ACCEPTED_ENCODINGS}`
  throw new GrpcRefusal(GRPC_STATUS.UNIMPLEMENTED, `grpc-encoding ${encoding} is not served: ${known}`)
}

function arrived(
  stream: ServerHttp2Stream,
  limits: BodyLimits,
  timeoutMs: number,
): Promise<{ bytes: Buffer; compressed: boolean }> {
  const reader = new MessageReader(limits)
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      clearTimeout(timer)
      // What still comes is let go.
      stopTaking()
      stream.removeAllListeners('data').resume()
      reject(error)
    }
    const late = `the request did not arrive within ${timeoutMs} ms`
    const timer = setTimeout(() => fail(new GrpcRefusal(GRPC_STATUS.DEADLINE_EXCEEDED, late)), timeoutMs)
    const stopTaking = takePieces(stream, (piece) => {
      try {
        reader.push(piece)
      } catch (error) {
        fail(error)
      }
    })
    stream.once('end', () => {
      clearTimeout(timer)
      try {
        resolve(reader.end())
      } catch (error) {
        reject(error)
      }
    })
    stream.once('close', () => {
      if (!stream.readableEnded) fail(new PipelineError('bad_input', 'the sender gave the call up'))
    })
  })
}

/**
 * Each piece of the stream as it comes. As a `data` event it would cost several times as much, most of it for asking whether there is
 * more; so it is taken where node:http2 hands it to the stream. Whatever does not come that way still comes as `data`, in its order.
 * Returns what ends this.
 */
function takePieces(stream: ServerHttp2Stream, take: (piece: Buffer) => void): () => void {
  const { push } = stream
  stream.on('data', take)
  stream.push = (piece: Buffer | null) => {
    if (piece === null || stream.readableLength > 0) return push.call(stream, piece)
    take(piece)
    return true
  }
  return () => {
    stream.push = push
  }
}

/** Answers OK with a message. */
export function reply(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (stream.closed || stream.headersSent) return
  const frame = Buffer.alloc(PREFIX_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GRPC_STATUS.OK) }))
  stream.respond({ [HTTP2_HEADER_STATUS]: 200, [HTTP2_HEADER_CONTENT_TYPE]: CONTENT_TYPE }, { waitForTrailers: true })
  stream.end(frame)
}

/** Answers with trailers alone, and takes nothing more of the call. */
export function refuse(stream: ServerHttp2Stream, refusal: Refusal | GrpcRefusal): void {
  if (stream.closed || stream.headersSent) return
  const known = refusal instanceof GrpcRefusal ? undefined : encodeStatus(refusal, 'protobuf').toString('base64')
  stream.respond(
    {
      [HTTP2_HEADER_STATUS]: 200,
      [HTTP2_HEADER_CONTENT_TYPE]: CONTENT_TYPE,
      'grpc-status': String(refusal instanceof GrpcRefusal ? refusal.code : refusal.grpc),
      'grpc-message': escaped(refusal.message),
      'grpc-accept-encoding': ACCEPTED_ENCODINGS,
      ...(known === undefined ? {} : { 'grpc-status-details-bin': known }),
    },
    { endStream: true },
  )
  // RFC 9113, section 8.1: the answer is whole, and the rest of the request is not wanted.
  if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
}

/** Answers what does not speak gRPC, or not by POST, in plain HTTP. */
export function refuseHttp(stream: ServerHttp2Stream, code: number): void {
  stream.respond({ [HTTP2_HEADER_STATUS]: code }, { endStream: true })
  stream.close(NGHTTP2_NO_ERROR)
}

/** Percent-encoded but for printable ASCII, as `grpc-message` has to be. */
function escaped(message: string): string {
  let text = ''
  for (const byte of Buffer.from(message).subarray(0, MAX_MESSAGE_BYTES)) {
    text +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}
