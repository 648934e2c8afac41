/**
 * Protobuf wire format, read in place. Every length is bound against its parent; whatever does not fit is `bad_input`.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { PipelineError } from '../../core/errors.ts'
import { viewOf } from './same-bytes.ts'

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH = 2
export const FIXED32 = 5

const NONE = Buffer.alloc(0)

declare global {
  interface Buffer {
    /** What `toString('utf8', ...)` ends in; called many times a record, the way there costs as much as the work. */
    utf8Slice(from: number, end: number): string
  }
}

export class Wire {
  bytes: Buffer = NONE
  view: DataView = viewOf(NONE)
  at = 0

  open(body: Uint8Array): void {
    this.bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.view = viewOf(body)
    this.at = 0
  }

  /** Lets go of the body. */
  close(): void {
    this.open(NONE)
  }

  /** Field number and wire type, as (number << 3 | type). */
  tag(end: number): number {
    const tag = this.varint(end)
    if (tag < 8 || tag > 0xffff_ffff) malformed(`field tag ${tag}`, this.at)
    return tag
  }

  /** An unsigned varint; rounded past 2^53, which no length or tag may reach. */
  varint(end: number): number {
    const { bytes } = this
    let at = this.at
    if (at < end) {
      const first = bytes[at]!
      if (first < 0x80) {
        this.at = at + 1
        return first
      }
    }
    let value = 0
    let factor = 1
    for (let i = 0; i < 10; i += 1) {
      if (at >= end) malformed('truncated number', at)
      const byte = bytes[at]!
      at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        this.at = at
        return value
      }
      factor *= 128
    }
    return malformed('number of more than 10 bytes', at)
  }

  /** The end of a length-delimited field whose length comes next. */
  length(end: number): number {
    const length = this.varint(end)
    const stop = this.at + length
    if (stop > end) malformed(`field of ${length} bytes where ${end - this.at} are left`, this.at)
    return stop
  }

  /** Start of a field of `size` bytes; moves past it. */
  fixed(size: number, end: number): number {
    const from = this.at
    if (from + size > end) malformed('truncated fixed number', from)
    this.at = from + size
    return from
  }

  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint(end)
        break
      case FIXED64:
        this.fixed(8, end)
        break
      case LENGTH:
        this.at = this.length(end)
        break
      case FIXED32:
        this.fixed(4, end)
        break
      default:
        malformed(`wire type ${tag & 7}`, this.at)
    }
  }

  /** An int64 varint as decimal text. */
  int64Text(end: number): string {
    const from = this.at
    const value = this.varint(end)
    if (value <= Number.MAX_SAFE_INTEGER) return String(value)
    let exact = 0n
    for (let at = this.at - 1; at >= from; at -= 1) exact = (exact << 7n) | BigInt(this.bytes[at]! & 0x7f)
    return BigInt.asIntN(64, exact).toString()
  }

  /** An id of so many bytes as lower-case hex; '' for bytes of another length, which are no id. */
  idText(size: number, end: number): string {
    const stop = this.length(end)
    const from = this.at
    this.at = stop
    return stop - from === size ? this.bytes.toString('hex', from, stop) : ''
  }

  /** A fixed64 of nanoseconds as whole microseconds. Exact as long as the result is below 2^53. */
  microseconds(end: number): number {
    const from = this.fixed(8, end)
    const low = this.view.getUint32(from, true)
    const high = this.view.getUint32(from + 4, true)
    const part = (high % 1000) * 0x1_0000_0000 + low
    return Math.floor(high / 1000) * 0x1_0000_0000 + Math.floor(part / 1000)
  }
}

export function malformed(what: string, at: number): never {
  throw new PipelineError('bad_input', `protobuf cannot be read: ${what} at byte ${at}`)
}
