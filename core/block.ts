/**
 * Blocks: how calls travel on the bus. Columnar and dictionary-coded; each column's body is exactly what ClickHouse's Native
 * format wants, so that storing a block needs no work per row. Layout and versions: docs/block-format.md.
 *
 *   "EWB1" | u32 rows | u32 deliveries | deliveries x (16-byte id, u32 rows) | u32 columns | columns x u32 length | bodies
 *
 * All integers little-endian. The digit in the magic is the version: columns and their order are those of CALL_COLUMNS.
 */
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call, type CallColumn, type ColumnKind, emptyCall } from './call.ts'
import { PipelineError } from './errors.ts'

/** Bytes of a delivery id: 128 bits. */
export const DELIVERY_ID_BYTES = 16
export const MAX_BLOCK_ROWS = 65_536
export const MAX_BLOCK_BYTES = 16 * 1024 * 1024

const MAGIC = Buffer.from('EWB1')
const COLUMNS = CALL_COLUMN_NAMES.length

/** Calls that came in one delivery (one OTLP request body), and the delivery's identity. */
export interface Delivery {
  id: Uint8Array
  calls: readonly Call[]
}

/** Rows `from` (inclusive) to `to` (exclusive) of a block came in delivery `id`. */
export interface DeliveryRange {
  id: Uint8Array
  from: number
  to: number
}

/** A dictionary-coded column: row i holds dictionary[index[i]]. */
export interface LowColumn {
  dictionary: readonly string[]
  index: Uint8Array | Uint16Array | Uint32Array
}

/** Growing output buffer; reused between blocks, because encoding is synchronous. */
class Output {
  bytes = Buffer.allocUnsafeSlow(1 << 20)
  length = 0

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
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

const output = new Output()

/** Encodes deliveries, in order, as one block. Throws `too_large` past MAX_BLOCK_ROWS. */
export function encodeBlock(deliveries: readonly Delivery[]): Uint8Array {
  const calls = deliveries.length === 1 ? deliveries[0]!.calls : deliveries.flatMap((delivery) => delivery.calls)
  if (calls.length > MAX_BLOCK_ROWS) {
    throw new PipelineError('too_large', `block of ${calls.length} calls exceeds ${MAX_BLOCK_ROWS}`)
  }
  output.length = 0
  output.reserve(4)
  output.length += MAGIC.copy(output.bytes, output.length)
  output.u32(calls.length)
  output.u32(deliveries.length)
  for (const { id, calls: own } of deliveries) {
    output.reserve(DELIVERY_ID_BYTES)
    output.bytes.set(id, output.length)
    output.length += DELIVERY_ID_BYTES
    output.u32(own.length)
  }
  output.u32(COLUMNS)
  const lengths = output.length
  output.reserve(COLUMNS * 4)
  output.length += COLUMNS * 4
  for (let column = 0; column < COLUMNS; column += 1) {
    const start = output.length
    const name = CALL_COLUMN_NAMES[column]!
    writeColumn(calls, name, CALL_COLUMNS[name])
    output.bytes.writeUInt32LE(output.length - start, lengths + column * 4)
  }
  return Uint8Array.prototype.slice.call(output.bytes, 0, output.length)
}

function writeColumn(calls: readonly Call[], name: CallColumn, kind: ColumnKind): void {
  if (kind === 'low') {
    writeLow(calls, name)
    return
  }
  if (kind === 'text') {
    for (const call of calls) output.text(call[name] as string)
    return
  }
  output.reserve(calls.length * 8)
  const bytes = output.bytes
  let at = output.length
  for (const call of calls) {
    const value = Number(call[name])
    switch (kind) {
      case 'u8':
      case 'bool':
        bytes[at] = value
        at += 1
        break
      case 'u16':
        at = bytes.writeUInt16LE(value, at)
        break
      case 'i16':
        at = bytes.writeInt16LE(value, at)
        break
      case 'u32':
        at = bytes.writeUInt32LE(value, at)
        break
      default:
        bytes.writeUInt32LE(value % 0x1_0000_0000, at)
        at = bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4)
    }
  }
  output.length = at
}

/** ClickHouse: SerializationLowCardinality, version 1, one dictionary of additional keys per block. */
const LOW_VERSION = 1
const LOW_ADDITIONAL_KEYS = 0x600

function writeLow(calls: readonly Call[], name: CallColumn): void {
  const rows = calls.length
  const keys = new Map<string, number>([['', 0]])
  const index = new Uint32Array(rows)
  let last = ''
  let lastKey = 0
  for (let row = 0; row < rows; row += 1) {
    const value = calls[row]![name] as string
    if (value !== last) {
      const known = keys.get(value)
      lastKey = known ?? keys.size
      if (known === undefined) keys.set(value, lastKey)
      last = value
    }
    index[row] = lastKey
  }
  const width = keys.size <= 0x100 ? 1 : keys.size <= 0x1_0000 ? 2 : 4
  output.u64(LOW_VERSION)
  output.u64(LOW_ADDITIONAL_KEYS | (width >> 1))
  output.u64(keys.size)
  for (const key of keys.keys()) output.text(key)
  output.u64(rows)
  output.reserve(rows * width)
  const bytes = output.bytes
  let at = output.length
  for (let row = 0; row < rows; row += 1) {
    const key = index[row]!
    bytes[at++] = key
    if (width > 1) bytes[at++] = key >>> 8
    if (width > 2) {
      bytes[at++] = key >>> 16
      bytes[at++] = key >>> 24
    }
  }
  output.length = at
}

export function isBlock(value: Uint8Array): boolean {
  return value.length >= 4 && value[0] === 0x45 && value[1] === 0x57 && value[2] === 0x42
}

/**
 * A block as read: columns are decoded on first use. Keeps the bytes it was given.
 * Throws `block_version` for a version it does not know and `block_corrupt` for bytes that do not hold together.
 */
export class Block {
  readonly rows: number
  readonly deliveries: readonly DeliveryRange[]
  readonly #bytes: Buffer
  readonly #starts: Uint32Array
  readonly #cache = new Map<CallColumn, unknown>()

  constructor(value: Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (bytes.length > MAX_BLOCK_BYTES) corrupt(`${bytes.length} bytes exceed ${MAX_BLOCK_BYTES}`)
    if (bytes.length < 12 || !isBlock(bytes)) corrupt('no block header')
    if (bytes[3] !== MAGIC[3]) {
      throw new PipelineError(
        'block_version',
        `block version ${JSON.stringify(String.fromCharCode(bytes[3]!))} is not known; this program reads version 1`,
      )
    }
    this.rows = bytes.readUInt32LE(4)
    const count = bytes.readUInt32LE(8)
    if (this.rows > MAX_BLOCK_ROWS) corrupt(`${this.rows} rows exceed ${MAX_BLOCK_ROWS}`)
    let at = 12
    if (at + count * (DELIVERY_ID_BYTES + 4) + 4 + COLUMNS * 4 > bytes.length) corrupt('truncated header')
    const deliveries: DeliveryRange[] = []
    let row = 0
    for (let i = 0; i < count; i += 1) {
      const id = bytes.subarray(at, at + DELIVERY_ID_BYTES)
      const rows = bytes.readUInt32LE(at + DELIVERY_ID_BYTES)
      deliveries.push({ id, from: row, to: row + rows })
      row += rows
      at += DELIVERY_ID_BYTES + 4
    }
    if (row !== this.rows) corrupt('deliveries do not add up to the rows')
    if (bytes.readUInt32LE(at) !== COLUMNS) corrupt('column count differs from the version')
    at += 4
    const starts = new Uint32Array(COLUMNS + 1)
    let start = at + COLUMNS * 4
    for (let column = 0; column < COLUMNS; column += 1) {
      starts[column] = start
      start += bytes.readUInt32LE(at + column * 4)
      if (start > bytes.length) corrupt('truncated columns')
    }
    if (start !== bytes.length) corrupt('bytes after the last column')
    starts[COLUMNS] = start
    this.deliveries = deliveries
    this.#bytes = bytes
    this.#starts = starts
  }

  /** The column's bytes, as ClickHouse's Native format has them. */
  body(name: CallColumn): Buffer {
    const column = ORDINAL.get(name)!
    return this.#bytes.subarray(this.#starts[column]!, this.#starts[column + 1]!)
  }

  low(name: CallColumn): LowColumn {
    return this.#cached(name, () => readLow(this.body(name), this.rows))
  }

  text(name: CallColumn): readonly string[] {
    return this.#cached(name, () => {
      const reader = new Input(this.body(name))
      return Array.from({ length: this.rows }, () => reader.text())
    })
  }

  /** Times, integers and booleans (0 or 1). */
  numbers(name: CallColumn): ArrayLike<number> {
    return this.#cached(name, () => readNumbers(this.body(name), this.rows, CALL_COLUMNS[name]))
  }

  /** One row as a `Call`; for tests and rare paths. */
  call(row: number): Call {
    const call = emptyCall() as unknown as Record<string, unknown>
    for (const name of CALL_COLUMN_NAMES) {
      const kind = CALL_COLUMNS[name]
      if (kind === 'low') {
        const column = this.low(name)
        call[name] = column.dictionary[column.index[row]!]!
      } else if (kind === 'text') call[name] = this.text(name)[row]!
      else if (kind === 'bool') call[name] = this.numbers(name)[row] === 1
      else call[name] = this.numbers(name)[row]!
    }
    return call as unknown as Call
  }

  /** The same block with the rows for which `keep` holds; deliveries that lose all rows stay, with none. */
  filter(keep: (row: number) => boolean): Uint8Array {
    return encodeBlock(
      this.deliveries.map(({ id, from, to }) => {
        const calls: Call[] = []
        for (let row = from; row < to; row += 1) if (keep(row)) calls.push(this.call(row))
        return { id, calls }
      }),
    )
  }

  #cached<T>(name: CallColumn, read: () => T): T {
    let column = this.#cache.get(name) as T | undefined
    if (column === undefined) {
      column = read()
      this.#cache.set(name, column)
    }
    return column
  }
}

const ORDINAL = new Map(CALL_COLUMN_NAMES.map((name, ordinal) => [name, ordinal]))

function corrupt(why: string): never {
  throw new PipelineError('block_corrupt', `block cannot be read: ${why}`)
}

class Input {
  at = 0
  readonly bytes: Buffer
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  u64(): number {
    if (this.at + 8 > this.bytes.length) corrupt('truncated integer')
    const value = this.bytes.readUInt32LE(this.at) + this.bytes.readUInt32LE(this.at + 4) * 0x1_0000_0000
    this.at += 8
    return value
  }

  text(): string {
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined || shift > 28) corrupt('truncated text length')
      size |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const end = this.at + size
    if (size < 0 || end > this.bytes.length) corrupt('truncated text')
    const value = this.bytes.toString('utf8', this.at, end)
    this.at = end
    return value
  }
}

function readLow(body: Buffer, rows: number): LowColumn {
  const input = new Input(body)
  if (input.u64() !== LOW_VERSION) corrupt('dictionary version')
  const type = input.u64()
  if ((type & LOW_ADDITIONAL_KEYS) !== LOW_ADDITIONAL_KEYS) corrupt('dictionary type')
  const width = [1, 2, 4][type & 0xff] ?? corrupt('dictionary index type')
  const size = input.u64()
  if (size > rows + 1) corrupt('dictionary larger than the block')
  const dictionary: string[] = []
  for (let key = 0; key < size; key += 1) dictionary.push(input.text())
  if (input.u64() !== rows || input.at + rows * width !== body.length) corrupt('dictionary index length')
  const copy = Uint8Array.prototype.slice.call(body, input.at)
  const index = width === 1 ? copy : width === 2 ? new Uint16Array(copy.buffer) : new Uint32Array(copy.buffer)
  for (let row = 0; row < rows; row += 1) if (index[row]! >= size) corrupt('dictionary index out of range')
  return { dictionary, index }
}

const WIDTH: Partial<Record<ColumnKind, number>> = { u8: 1, bool: 1, u16: 2, i16: 2, u32: 4, u64: 8, time: 8 }

function readNumbers(body: Buffer, rows: number, kind: ColumnKind): ArrayLike<number> {
  if (body.length !== rows * (WIDTH[kind] ?? corrupt('not a numeric column'))) corrupt('column length')
  const copy = Uint8Array.prototype.slice.call(body)
  switch (kind) {
    case 'u8':
    case 'bool':
      return copy
    case 'u16':
      return new Uint16Array(copy.buffer)
    case 'i16':
      return new Int16Array(copy.buffer)
    case 'u32':
      return new Uint32Array(copy.buffer)
    default: {
      const words = new Uint32Array(copy.buffer)
      const values = new Float64Array(rows)
      for (let row = 0; row < rows; row += 1) values[row] = words[row * 2]! + words[row * 2 + 1]! * 0x1_0000_0000
      return values
    }
  }
}
