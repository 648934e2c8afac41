/** Growing output buffer; kept between blocks, because encoding is synchronous. */
import { PipelineError } from '../errors.ts'
import type { TextSpan } from './row-ids.ts'

const INITIAL = 1 << 16
/** From so many bytes on Node copies faster by itself; below, its call costs more than the work. */
const NATIVE_FROM = 192

export class Output {
  bytes = Buffer.allocUnsafeSlow(INITIAL)
  /** Of the same memory. */
  view = viewOf(this.bytes)
  length = 0
  readonly #limit: number

  /** Throws `too_large` rather than hold more than `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit
  }

  reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    if (needed > this.#limit) throw new PipelineError('too_large', `${needed} bytes of calls exceed ${this.#limit}`)
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, needed))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
    this.view = viewOf(grown)
  }

  u32(value: number): void {
    this.reserve(4)
    this.length = this.bytes.writeUInt32LE(value, this.length)
  }

  u64(value: number): void {
    this.reserve(8)
    this.bytes.writeUInt32LE(value % 0x1_0000_0000, this.length)
    this.length = this.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.length + 4)
  }

  /** Length as varint, then UTF-8; lone surrogates become U+FFFD. */
  text(value: string): void {
    const length = value.length
    this.reserve(length * 3 + 5)
    if (length < 40) {
      const start = this.length + 1
      let i = 0
      for (; i < length; i += 1) {
        const unit = value.charCodeAt(i)
        if (unit > 0x7f) break
        this.bytes[start + i] = unit
      }
      if (i === length) {
        this.bytes[this.length] = length
        this.length = start + length
        return
      }
    }
    let size = Buffer.byteLength(value)
    const bytes = size
    while (size > 0x7f) {
      this.bytes[this.length++] = (size & 0x7f) | 0x80
      size >>>= 7
    }
    this.bytes[this.length++] = size
    this.bytes.write(value, this.length)
    this.length += bytes
  }

  /** The same of a text that is bytes already. */
  span({ source, from, end }: TextSpan): void {
    const size = end - from
    this.reserve(size + 1)
    this.bytes[this.length] = size
    copyBytes(source.view, from, this.view, this.length + 1, size)
    this.length += size + 1
  }

  /** Bytes of another. */
  copy({ bytes, view }: Output, from: number, end: number): void {
    const size = end - from
    this.reserve(size)
    if (size < NATIVE_FROM) copyBytes(view, from, this.view, this.length, size)
    else bytes.copy(this.bytes, this.length, from, end)
    this.length += size
  }
}

/** Four at a time, the last four overlapping. */
function copyBytes(source: DataView, from: number, target: DataView, to: number, size: number): void {
  if (size < 4) {
    for (let i = 0; i < size; i += 1) target.setUint8(to + i, source.getUint8(from + i))
    return
  }
  const last = size - 4
  for (let i = 0; i < last; i += 4) target.setUint32(to + i, source.getUint32(from + i))
  target.setUint32(to + last, source.getUint32(from + last))
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
