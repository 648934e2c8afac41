/** Columns of calls to bytes, as ClickHouse's Native format wants them. */
import type { Call, CallColumn, ColumnKind } from '../call.ts'
import { PipelineError } from '../errors.ts'
import { LOW_ADDITIONAL_KEYS, LOW_VERSION, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS, type NumberKind, RANGE } from './layout.ts'
import { READ_COLUMN } from './read-column.ts'

/** Texts are given room for three bytes a character, so that a block that is just small enough has room. */
const MAX_OUTPUT_BYTES = 4 * MAX_BLOCK_BYTES

export function tooLarge(bytes: number): PipelineError {
  return new PipelineError('too_large', `block of ${bytes} bytes exceeds ${MAX_BLOCK_BYTES}`)
}

/** Growing output buffer; reused between blocks, because encoding is synchronous. */
export class Output {
  bytes = Buffer.allocUnsafeSlow(1 << 20)
  length = 0

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    if (this.length + more > MAX_OUTPUT_BYTES) throw tooLarge(this.length + more)
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
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

export function writeColumn(output: Output, calls: readonly Call[], name: CallColumn, kind: ColumnKind): void {
  const read = READ_COLUMN[name]
  if (kind === 'low') writeLow(output, calls, read as (call: Call) => string)
  else if (kind === 'text') for (const call of calls) output.text(read(call) as string)
  else writeNumbers(output, calls, read, kind)
}

function writeNumbers(output: Output, calls: readonly Call[], read: (call: Call) => unknown, kind: ColumnKind): void {
  const { width, least, most } = RANGE[kind as NumberKind]
  output.reserve(calls.length * width)
  const { bytes } = output
  let at = output.length
  for (const call of calls) {
    const given = Number(read(call))
    const value = given > most ? most : given >= least ? given : given < least ? least : 0
    let word = value >>> 0
    for (let i = 0; i < width; i += 1) {
      if (i === 4) word = Math.floor(value / 0x1_0000_0000)
      bytes[at++] = word
      word >>>= 8
    }
  }
  output.length = at
}

/** Dictionary index of each row, between the two passes of one column. */
const scratch = new Uint32Array(MAX_BLOCK_ROWS)

function writeLow(output: Output, calls: readonly Call[], read: (call: Call) => string): void {
  const rows = calls.length
  const keys = new Map<string, number>([['', 0]])
  let last = ''
  let lastKey = 0
  for (let row = 0; row < rows; row += 1) {
    const value = read(calls[row]!)
    if (value !== last) {
      lastKey = keys.get(value) ?? newKey(keys, value)
      last = value
    }
    scratch[row] = lastKey
  }
  const width = keys.size <= 0x100 ? 1 : keys.size <= 0x1_0000 ? 2 : 4
  output.u64(LOW_VERSION)
  output.u64(LOW_ADDITIONAL_KEYS | (width >> 1))
  output.u64(keys.size)
  for (const key of keys.keys()) output.text(key)
  output.u64(rows)
  output.reserve(rows * width)
  const { bytes } = output
  let at = output.length
  for (let row = 0; row < rows; row += 1) {
    let key = scratch[row]!
    for (let i = 0; i < width; i += 1) {
      bytes[at++] = key
      key >>>= 8
    }
  }
  output.length = at
}

/** Texts that are the same once encoded share one key. */
function newKey(keys: Map<string, number>, value: string): number {
  const text = LONE_SURROGATE.test(value) ? Buffer.from(value).toString() : value
  const key = keys.get(text) ?? keys.size
  keys.set(text, key)
  return key
}

const LONE_SURROGATE = /\p{Surrogate}/u
