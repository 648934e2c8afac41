/**
 * Calls as columns, on their way into blocks. Appended one by one, taken back from the end where a delivery turns out unreadable,
 * and encoded by any selection of rows.
 *
 * Most of a call is the same in thousands of records. So a caller may append one and the same object again and again, changed in
 * the columns of PER_ROW only: its other columns are then looked at once per block instead of once per row, which is most of what
 * encoding costs.
 */
import { CALL_COLUMNS, type Call, type CallColumn } from '../call.ts'
import { Output } from './output.ts'
import { READ_COLUMN } from './read-column.ts'

/** Columns in which two rows of one object may differ. */
export const PER_ROW = [
  'sourceIdentity',
  'sourceIdentityOrigin',
  'sourcePort',
  'destinationIdentity',
  'destinationIdentityOrigin',
  'protocol',
  'path',
  'route',
  'decision',
  'decisionReason',
  'start',
  'end',
  'durationUs',
  'durationStepUs',
  'bytesReceived',
  'bytesSent',
  'requestId',
  'traceId',
  'spanId',
  'received',
  'late',
] as const satisfies readonly CallColumn[]

const names = PER_ROW as readonly CallColumn[]
const LOW = names.filter((name) => CALL_COLUMNS[name] === 'low')
const TEXT = names.filter((name) => CALL_COLUMNS[name] === 'text')
const NUMBER = names.filter((name) => CALL_COLUMNS[name] !== 'low' && CALL_COLUMNS[name] !== 'text')
const readLow = LOW.map((name) => READ_COLUMN[name] as (call: Call) => string)
const readText = TEXT.map((name) => READ_COLUMN[name] as (call: Call) => string)
const readNumber = NUMBER.map((name) => READ_COLUMN[name] as (call: Call) => number | boolean)

const ROWS = 4096
/** Rows and bytes of text that are kept for the next calls once these have gone. */
const KEPT_ROWS = 32_768
const KEPT_TEXT = 8 * 1024 * 1024
/** Far above what a body of the largest size can say. */
const MAX_TEXT = 1024 * 1024 * 1024

/** Texts one after the other as ClickHouse has them; text i is the bytes from `starts[i]` to `starts[i + 1]`. */
export interface TextRows {
  output: Output
  starts: Uint32Array
}

export interface RowsMark {
  rows: number
  shapes: number
}

export class CallRows {
  length = 0
  /** Ordinal in `shapes` of each row's object. */
  shapeOf = new Uint32Array(ROWS)
  readonly shapes: Call[] = []
  readonly #ordinals = new Map<Call, number>()
  #low: string[][] = LOW.map(() => [])
  #numbers: Float64Array[] = NUMBER.map(() => new Float64Array(ROWS))
  #texts: TextRows[] = TEXT.map(() => ({ output: new Output(MAX_TEXT), starts: new Uint32Array(ROWS + 1) }))

  append(call: Call): void {
    const row = this.length
    if (row === this.shapeOf.length) this.#grow()
    let shape = this.#ordinals.get(call)
    if (shape === undefined) {
      shape = this.shapes.push(call) - 1
      this.#ordinals.set(call, shape)
    }
    this.shapeOf[row] = shape
    for (let i = 0; i < readLow.length; i += 1) this.#low[i]![row] = readLow[i]!(call)
    for (let i = 0; i < readNumber.length; i += 1) this.#numbers[i]![row] = Number(readNumber[i]!(call))
    for (let i = 0; i < readText.length; i += 1) {
      const { output, starts } = this.#texts[i]!
      output.text(readText[i]!(call))
      starts[row + 1] = output.length
    }
    this.length = row + 1
  }

  /** What is there now, for `restore`. */
  mark(): RowsMark {
    return { rows: this.length, shapes: this.shapes.length }
  }

  /** Takes back all that was appended since the mark was taken. */
  restore({ rows, shapes }: RowsMark): void {
    this.length = rows
    for (const call of this.shapes.splice(shapes)) this.#ordinals.delete(call)
    for (const { output, starts } of this.#texts) output.length = starts[rows]!
  }

  clear(): void {
    this.restore({ rows: 0, shapes: 0 })
    if (this.shapeOf.length > KEPT_ROWS) {
      this.shapeOf = new Uint32Array(ROWS)
      this.#low = LOW.map(() => [])
      this.#numbers = NUMBER.map(() => new Float64Array(ROWS))
    }
    for (const text of this.#texts) {
      if (text.output.bytes.length > KEPT_TEXT) text.output = new Output(MAX_TEXT)
      if (text.starts.length > this.shapeOf.length + 1) text.starts = new Uint32Array(ROWS + 1)
    }
  }

  /** Values by row. */
  low(name: CallColumn): readonly string[] {
    return this.#low[LOW.indexOf(name)]!
  }

  numbers(name: CallColumn): Float64Array {
    return this.#numbers[NUMBER.indexOf(name)]!
  }

  texts(name: CallColumn): TextRows {
    return this.#texts[TEXT.indexOf(name)]!
  }

  #grow(): void {
    const rows = this.shapeOf.length * 2
    this.shapeOf = grown(this.shapeOf, new Uint32Array(rows))
    this.#numbers = this.#numbers.map((column) => grown(column, new Float64Array(rows)))
    for (const text of this.#texts) text.starts = grown(text.starts, new Uint32Array(rows + 1))
  }
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
