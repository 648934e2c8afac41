/** A record like one that was read before: values that vary stay bytes until somebody asks for their text. */
import type { TextSpan } from '../../core/block.ts'
import { numberOfBytes, numberOfText } from './digits.ts'
import type { FieldValues } from './field-values.ts'
import { CACHED, WAY } from './field-ways.ts'
import { FIELDS, type LogRecord } from './log-record.ts'
import { isAscii, isNothing, textOfBytes } from './text.ts'
import type { Wire } from './wire.ts'

/**
 * Where the values that vary are in the record that is read, by FIELD position; of an address also where its port's digits begin. And of how
 * many characters each is, once somebody has read it: UNREAD before.
 */
export const gaps = {
  from: new Int32Array(FIELDS.length),
  end: new Int32Array(FIELDS.length),
  port: new Int32Array(FIELDS.length),
  size: new Int32Array(FIELDS.length),
}
export const UNREAD = -1

/** Longest value that is not made a string. */
const MAX_SPAN = 127
const MAX_PORT_DIGITS = 5
const MAX_PORT = 0xffff
const COLON = 0x3a

export class KnownRecord implements LogRecord, FieldValues {
  timeUs = 0
  traceId = ''
  spanId = ''
  readonly text = ''
  readonly marks: Float64Array
  readonly marked = true
  readonly #shape: number
  readonly #wire: Wire
  readonly #values: string[]
  readonly #varying: readonly number[]
  readonly #varies = new Uint8Array(FIELDS.length)
  readonly #fixedSize: number
  #maxValueBytes = 0
  #isWritten = false

  /** Of `first`, as it was read in whole, with the fields that vary. It says what `wire` and `gaps` say of those. */
  constructor(shape: number, first: LogRecord, varying: readonly number[], wire: Wire) {
    this.#shape = shape
    this.marks = first.marks.slice()
    this.#wire = wire
    this.#values = [...first.values]
    this.#varying = varying
    for (const field of varying) this.#varies[field] = 1
    let size = 0
    first.values.forEach((value, field) => {
      if (this.#varies[field] === 0) size += value.length
    })
    this.#fixedSize = size
  }

  /** Above 0; never given to another. */
  get shape(): number {
    return this.#shape
  }

  /** From now on it is the record that was walked last. */
  renew(timeUs: number, traceId: string, spanId: string, maxValueBytes: number): void {
    this.timeUs = timeUs
    this.traceId = traceId
    this.spanId = spanId
    this.#maxValueBytes = maxValueBytes
    this.#isWritten = false
  }

  get values(): string[] {
    if (!this.#isWritten) {
      this.#isWritten = true
      for (const field of this.#varying) this.#values[field] = this.textOf(field)
    }
    return this.#values
  }

  /** Characters of all values. */
  get size(): number {
    let size = this.#fixedSize
    for (let i = 0; i < this.#varying.length; i += 1) size += this.#sizeOf(this.#varying[i]!)
    return size
  }

  textOf(field: number): string {
    if (this.#varies[field] === 0) return this.#values[field]!
    const from = gaps.from[field]!
    const end = gaps.end[field]!
    const isThere = !isNothing(this.#wire, from, end)
    const text = isThere ? textOfBytes(this.#wire, from, end, this.#maxValueBytes, WAY[field] === CACHED) : ''
    gaps.size[field] = text.length
    return text
  }

  numberOf(field: number): number {
    if (this.#varies[field] === 0) return numberOfText(this.#values[field]!)
    const from = gaps.from[field]!
    const end = gaps.end[field]!
    const value = numberOfBytes(this.#wire.bytes, from, end)
    if (value >= 0) this.#noteSize(field, end - from)
    return value
  }

  spanOf(field: number, span: TextSpan): boolean {
    if (this.#varies[field] === 0) return false
    const from = gaps.from[field]!
    const end = gaps.end[field]!
    if (end - from > MAX_SPAN || isNothing(this.#wire, from, end) || !isAscii(this.#wire.view, from, end)) return false
    if (!this.#noteSize(field, end - from)) return false
    span.source = this.#wire
    span.from = from
    span.end = end
    return true
  }

  addressOf(field: number): string {
    return this.#values[field]!
  }

  portOf(field: number): number {
    const from = gaps.port[field]!
    const end = gaps.end[field]!
    if (this.#varies[field] === 0) return -1
    // Either a colon without a port, or an address that is the same each time.
    if (from === end) return this.#wire.bytes[end - 1] === COLON ? 0 : -1
    const port = end - from > MAX_PORT_DIGITS ? 0 : numberOfBytes(this.#wire.bytes, from, end)
    return port > MAX_PORT ? 0 : port
  }

  /** The value is as many characters of ASCII; false, and nothing noted, where only its beginning is kept. */
  #noteSize(field: number, length: number): boolean {
    if (length > this.#maxValueBytes) return false
    gaps.size[field] = length
    return true
  }

  #sizeOf(field: number): number {
    if (gaps.size[field] !== UNREAD) return gaps.size[field]!
    const from = gaps.from[field]!
    const end = gaps.end[field]!
    if (isNothing(this.#wire, from, end)) return 0
    return end - from <= this.#maxValueBytes && isAscii(this.#wire.view, from, end)
      ? end - from
      : this.textOf(field).length
  }
}
