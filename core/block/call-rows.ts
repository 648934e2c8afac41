/**
 * Calls as columns, on their way into blocks. Appended one by one, taken back from the end where a delivery turns out unreadable,
 * and encoded by any selection of rows.
 *
 * Most of a call is the same in thousands of records. So a caller may append one and the same object again and again, changed in
 * the columns of PER_ROW only: its other columns are then looked at once per block instead of once per row, which is most of what
 * encoding costs.
 */
import { CALL_COLUMNS, type Call, type CallColumn, type ColumnKind } from '../call.ts'
import { Output } from './output.ts'
import type { RowIds, TextSpan } from './row-ids.ts'
import { Variants } from './variants.ts'

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

type PerRow = (typeof PER_ROW)[number]
type Low = { [Column in PerRow]: (typeof CALL_COLUMNS)[Column] extends 'low' ? Column : never }[PerRow]
type Text = { [Column in PerRow]: (typeof CALL_COLUMNS)[Column] extends 'text' ? Column : never }[PerRow]
type NumberColumn = Exclude<PerRow, Low | Text>

/** Something for each column of one kind, by name. */
function byName<Column extends PerRow, T>(isKind: (kind: ColumnKind) => boolean, make: () => T): Record<Column, T> {
  const names = PER_ROW.filter((name) => isKind(CALL_COLUMNS[name]))
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<Column, T>
}
const textColumns = () =>
  byName<Text, TextRows>(
    (kind) => kind === 'text',
    () => ({ output: new Output(MAX_TEXT), starts: new Uint32Array(ROWS + 1) }),
  )
const numberColumns = () =>
  byName<NumberColumn, Float64Array>(
    (kind) => kind !== 'low' && kind !== 'text',
    () => new Float64Array(ROWS),
  )

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
  variants: number
}

export class CallRows {
  length = 0
  /** Ordinal in `shapes` of each row's object. */
  shapeOf = new Uint32Array(ROWS)
  readonly shapes: Call[] = []
  /** Ordinal of what each row says in the `low` columns of PER_ROW: most rows of an object say what one before them said. */
  variantOf = new Uint32Array(ROWS)
  readonly variants = new Variants()
  readonly #ordinals = new Map<Call, number>()
  #numbers = numberColumns()
  readonly #texts = textColumns()

  /** `ids` has those of the call's ids that are bytes still. */
  append(call: Call, ids?: RowIds): void {
    const row = this.length
    if (row === this.shapeOf.length) this.#grow()
    let shape = this.#ordinals.get(call)
    if (shape === undefined) {
      shape = this.shapes.push(call) - 1
      this.#ordinals.set(call, shape)
      this.variants.open(shape)
    }
    this.shapeOf[row] = shape
    this.variantOf[row] = this.variants.of(shape, call)
    // Written out, as a loop over columns costs several times as much.
    const numbers = this.#numbers
    numbers.sourcePort[row] = call.sourcePort
    numbers.start[row] = call.start
    numbers.end[row] = call.end
    numbers.durationUs[row] = call.durationUs
    numbers.durationStepUs[row] = call.durationStepUs
    numbers.bytesReceived[row] = call.bytesReceived
    numbers.bytesSent[row] = call.bytesSent
    numbers.received[row] = call.received
    numbers.late[row] = Number(call.late)
    const texts = this.#texts
    appendText(texts.path, row, call.path)
    appendId(texts.requestId, row, call.requestId, ids?.requestId)
    appendId(texts.traceId, row, call.traceId, ids?.traceId)
    appendText(texts.spanId, row, call.spanId)
    this.length = row + 1
  }

  /** What is there now, for `restore`. */
  mark(): RowsMark {
    return { rows: this.length, shapes: this.shapes.length, variants: this.variants.length }
  }

  /** Takes back all that was appended since the mark was taken. */
  restore({ rows, shapes, variants }: RowsMark): void {
    this.length = rows
    for (const call of this.shapes.splice(shapes)) this.#ordinals.delete(call)
    this.variants.restore(shapes, variants)
    for (const { output, starts } of Object.values(this.#texts)) output.length = starts[rows]!
  }

  clear(): void {
    this.restore({ rows: 0, shapes: 0, variants: 0 })
    if (this.shapeOf.length > KEPT_ROWS) {
      this.shapeOf = new Uint32Array(ROWS)
      this.variantOf = new Uint32Array(ROWS)
      this.variants.clear()
      this.#numbers = numberColumns()
    }
    for (const text of Object.values(this.#texts)) {
      if (text.output.bytes.length > KEPT_TEXT) text.output = new Output(MAX_TEXT)
      if (text.starts.length > this.shapeOf.length + 1) text.starts = new Uint32Array(ROWS + 1)
    }
  }

  /** Values by row. */
  numbers(name: CallColumn): Float64Array {
    return this.#numbers[name as NumberColumn]
  }

  texts(name: CallColumn): TextRows {
    return this.#texts[name as Text]
  }

  #grow(): void {
    const rows = this.shapeOf.length * 2
    this.shapeOf = grown(this.shapeOf, new Uint32Array(rows))
    this.variantOf = grown(this.variantOf, new Uint32Array(rows))
    const numbers = this.#numbers
    for (const name in numbers) {
      numbers[name as NumberColumn] = grown(numbers[name as NumberColumn], new Float64Array(rows))
    }
    for (const text of Object.values(this.#texts)) text.starts = grown(text.starts, new Uint32Array(rows + 1))
  }
}

function appendText({ output, starts }: TextRows, row: number, text: string): void {
  output.text(text)
  starts[row + 1] = output.length
}

function appendId({ output, starts }: TextRows, row: number, text: string, span: TextSpan | undefined): void {
  if (span?.isThere) output.span(span)
  else output.text(text)
  starts[row + 1] = output.length
}

function grown<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
