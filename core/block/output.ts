/** Growing output buffer; kept between blocks, because encoding is synchronous. */
import { PipelineError } from '../errors.ts'

const INITIAL = 1 << 16

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
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
