/**
 * Blocks: how calls travel on the bus. Columnar and dictionary-coded; each column's body is exactly what ClickHouse's Native
 * format wants, so that storing a block needs no work per row. Layout and versions: docs/block-format.md.
 *
 *   "EWB1" | u32 rows | u32 deliveries | deliveries x (16-byte id, u32 rows) | u32 columns | columns x u32 length | bodies
 *
 * All integers little-endian. The digit in the magic is the version: columns and their order are those of CALL_COLUMNS.
 */
import { CallRows } from './block/call-rows.ts'
import { corrupt, type LowColumn, readLow, readNumbers, readTexts } from './block/column-reader.ts'
import { Selection } from './block/column-writer.ts'
import { MAX_BLOCK_BYTES, MAX_BLOCK_ROWS, type NumberKind } from './block/layout.ts'
import { Output } from './block/output.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call, type CallColumn, emptyCall } from './call.ts'
import { PipelineError } from './errors.ts'

export { CallRows } from './block/call-rows.ts'
export type { LowColumn } from './block/column-reader.ts'
export { MAX_BLOCK_BYTES, MAX_BLOCK_ROWS } from './block/layout.ts'
export { RowIds, TextSpan } from './block/row-ids.ts'

/** Bytes of a delivery id: 128 bits. */
export const DELIVERY_ID_BYTES = 16

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

/** Rows of one delivery, as ordinals of `CallRows`. */
export interface RowsOfDelivery {
  id: Uint8Array
  rows: ArrayLike<number>
}

/** Texts are given room for three bytes a character, so that a block that is just small enough has room. */
const output = new Output(4 * MAX_BLOCK_BYTES)
const scratch = new CallRows()

/**
 * Encodes deliveries, in order, as one block. Throws `too_large` past MAX_BLOCK_ROWS or MAX_BLOCK_BYTES. Text that is not well
 * formed (lone surrogates) becomes U+FFFD; a number outside its column's range becomes the nearest one in it.
 */
export function encodeBlock(deliveries: readonly Delivery[]): Uint8Array {
  tooManyRows(deliveries.reduce((sum, { calls }) => sum + calls.length, 0))
  try {
    const selected = deliveries.map(({ id, calls }) => ({ id, rows: calls.map((call) => rowOf(call)) }))
    return encodeRows(scratch, selected)
  } finally {
    scratch.clear()
  }
}

function rowOf(call: Call): number {
  scratch.append(call)
  return scratch.length - 1
}

/** As `encodeBlock`, of rows that were gathered before. */
export function encodeRows(rows: CallRows, deliveries: readonly RowsOfDelivery[]): Uint8Array {
  const count = deliveries.reduce((sum, delivery) => sum + delivery.rows.length, 0)
  tooManyRows(count)
  const order = new Uint32Array(count)
  output.length = 0
  output.reserve(4)
  output.length += MAGIC.copy(output.bytes, output.length)
  output.u32(count)
  output.u32(deliveries.length)
  let at = 0
  for (const { id, rows: own } of deliveries) {
    output.reserve(DELIVERY_ID_BYTES)
    output.bytes.set(id, output.length)
    output.length += DELIVERY_ID_BYTES
    output.u32(own.length)
    order.set(own, at)
    at += own.length
  }
  output.u32(COLUMNS)
  const lengths = output.length
  output.reserve(COLUMNS * 4)
  output.length += COLUMNS * 4
  const selection = new Selection(rows, order)
  for (let column = 0; column < COLUMNS; column += 1) {
    const start = output.length
    selection.write(output, CALL_COLUMN_NAMES[column]!)
    output.bytes.writeUInt32LE(output.length - start, lengths + column * 4)
  }
  if (output.length > MAX_BLOCK_BYTES) {
    throw new PipelineError('too_large', `block of ${output.length} bytes exceeds ${MAX_BLOCK_BYTES}`)
  }
  return Uint8Array.prototype.slice.call(output.bytes, 0, output.length)
}

function tooManyRows(count: number): void {
  if (count > MAX_BLOCK_ROWS) throw new PipelineError('too_large', `block of ${count} calls exceeds ${MAX_BLOCK_ROWS}`)
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
    return this.#cached(name, () => readTexts(this.body(name), this.rows))
  }

  /** Times, integers and booleans (0 or 1). */
  numbers(name: CallColumn): ArrayLike<number> {
    return this.#cached(name, () => readNumbers(this.body(name), this.rows, CALL_COLUMNS[name] as NumberKind))
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
