/**
 * The one message of a unary gRPC call, gathered from whatever pieces it comes in: a byte that says whether it is compressed, its
 * length in four bytes, big-endian, and the message (grpc/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
 */
import { Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { PipelineError } from '../../core/errors.ts'
import { giveBack, memoryFor } from '../body-memory.ts'
import { type BodyLimits, gathered, tooLarge } from './read-body.ts'

export const PREFIX_BYTES = 5

/** Memory is had for so much of a message at once, and for more as it comes: a length alone takes none. */
const AT_ONCE = 1024 * 1024
const NONE = Buffer.alloc(0)

/** What `grpc-encoding` may name. */
const INFLATE = { gzip: createGunzip, deflate: createInflate }
export const ACCEPTED_ENCODINGS = ['identity', ...Object.keys(INFLATE)].join(',')

export class MessageReader {
  readonly #limits: BodyLimits
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixBytes = 0
  #length = 0
  #bytes = 0
  #message: Buffer = NONE

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /** Takes the next piece and copies it. Throws `too_large` as soon as the length is known, `bad_input`, or what `take` throws. */
  push(piece: Buffer): void {
    let at = 0
    if (this.#prefixBytes < PREFIX_BYTES) {
      at = piece.copy(this.#prefix, this.#prefixBytes, 0, PREFIX_BYTES - this.#prefixBytes)
      this.#prefixBytes += at
      if (this.#prefixBytes < PREFIX_BYTES) return
      this.#length = this.#prefix.readUInt32BE(1)
      if (this.#length > this.#limits.maxBytes) tooLarge(this.#limits.maxBytes)
    }
    const more = piece.length - at
    if (this.#bytes + more > this.#length) {
      throw new PipelineError('bad_input', 'more than one message in a unary call')
    }
    this.#limits.take(more)
    this.#reserve(this.#bytes + more)
    this.#bytes += piece.copy(this.#message, this.#bytes, at)
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#message.length) return
    const before = this.#message
    this.#message = memoryFor(Math.min(this.#length, Math.max(bytes, AT_ONCE, 2 * before.length)))
    before.copy(this.#message)
    giveBack(before)
  }

  /** The message as it came, once nothing more comes. Throws `bad_input` where it is not whole. */
  end(): { bytes: Buffer; compressed: boolean } {
    if (this.#prefixBytes < PREFIX_BYTES || this.#bytes < this.#length) {
      throw new PipelineError('bad_input', 'the call ended before its message did')
    }
    const flag = this.#prefix[0]!
    if (flag > 1) throw new PipelineError('bad_input', `${flag} is no flag of a gRPC message: 0 or 1`)
    return { bytes: this.#message, compressed: flag === 1 }
  }
}

/** True where `inflated` knows the encoding. */
export function isKnownEncoding(encoding: string): boolean {
  return encoding === 'identity' || Object.hasOwn(INFLATE, encoding)
}

/** Throws `too_large` past the limit after decompression, `bad_input` for bytes that are not so encoded, or what `take` throws. */
export async function inflated(bytes: Buffer, encoding: string, limits: BodyLimits): Promise<Buffer> {
  if (encoding === 'identity') throw new PipelineError('bad_input', 'a compressed message without grpc-encoding')
  const pieces = Readable.from([bytes]).pipe(INFLATE[encoding as keyof typeof INFLATE]())
  try {
    return await gathered(pieces, limits)
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause
    throw new PipelineError('bad_input', `${encoding} cannot be read`, { cause })
  }
}
