/** Columns of a selection of rows to bytes, as ClickHouse's Native format wants them. */
import { CALL_COLUMNS, type Call, type CallColumn } from '../call.ts'
import { type CallRows, PER_ROW } from './call-rows.ts'
import { LOW_ADDITIONAL_KEYS, LOW_VERSION, MAX_BLOCK_ROWS, type NumberKind, RANGE } from './layout.ts'
import type { Output } from './output.ts'
import { READ_COLUMN } from './read-column.ts'

const perRow = new Set<CallColumn>(PER_ROW)

/** Of each selected row: its ordinal among the selection's shapes, and its variants. */
const shapeOf = new Uint32Array(MAX_BLOCK_ROWS)
const variantOf = new Uint32Array(MAX_BLOCK_ROWS)
/** By shape or variant, of which there are never more than rows: its key or value in one column. */
const keyOfGroup = new Uint32Array(MAX_BLOCK_ROWS)
const numberOfShape = new Float64Array(MAX_BLOCK_ROWS)

/** Some rows of `CallRows`, in an order of their own. At most MAX_BLOCK_ROWS. One selection is in use at a time. */
export class Selection {
  readonly #rows: CallRows
  readonly #order: Uint32Array
  readonly #shapes: Call[]
  /** Ordinals among those of `rows`. */
  readonly #variants: number[]

  constructor(rows: CallRows, order: Uint32Array) {
    this.#rows = rows
    this.#order = order
    this.#shapes = groups(rows.shapeOf, rows.shapes.length, order, shapeOf).map((shape) => rows.shapes[shape]!)
    this.#variants = groups(rows.variantOf, rows.variants.length, order, variantOf)
  }

  write(output: Output, name: CallColumn): void {
    const kind = CALL_COLUMNS[name]
    if (kind === 'low') this.#writeLow(output, name)
    else if (kind === 'text') this.#writeTexts(output, name)
    else this.#writeNumbers(output, name, kind)
  }

  #writeLow(output: Output, name: CallColumn): void {
    const count = this.#order.length
    const keys = new Keys()
    /** The key of all rows; -1 where they differ. */
    let only = -1
    const isPerRow = perRow.has(name)
    const groupOf = isPerRow ? variantOf : shapeOf
    const groups = isPerRow ? this.#variants.length : this.#shapes.length
    const said = this.#rows.variants.values(name)
    const read = READ_COLUMN[name] as (call: Call) => string
    for (let group = 0; group < groups; group += 1) {
      const key = keys.of(isPerRow ? said[this.#variants[group]!]! : read(this.#shapes[group]!))
      keyOfGroup[group] = key
      only = group === 0 || key === only ? key : -1
    }
    const width = keys.size <= 0x100 ? 1 : keys.size <= 0x1_0000 ? 2 : 4
    output.u64(LOW_VERSION)
    output.u64(LOW_ADDITIONAL_KEYS | (width >> 1))
    output.u64(keys.size)
    for (const text of keys.texts()) output.text(text)
    output.u64(count)
    output.reserve(count * width)
    const { bytes, view } = output
    const start = output.length
    output.length += count * width
    // Most columns say one thing in a whole block.
    if (only >= 0) bytes.fill(only, start, output.length)
    else if (width === 1) for (let i = 0; i < count; i += 1) bytes[start + i] = keyOfGroup[groupOf[i]!]!
    else if (width === 2)
      for (let i = 0; i < count; i += 1) view.setUint16(start + 2 * i, keyOfGroup[groupOf[i]!]!, true)
    else for (let i = 0; i < count; i += 1) view.setUint32(start + 4 * i, keyOfGroup[groupOf[i]!]!, true)
  }

  #writeTexts(output: Output, name: CallColumn): void {
    const { output: texts, starts } = this.#rows.texts(name)
    // Neighbours are copied together.
    for (let i = 0; i < this.#order.length; ) {
      const first = this.#order[i]!
      let after = first
      while (i < this.#order.length && this.#order[i] === after) {
        after += 1
        i += 1
      }
      const from = starts[first]!
      const end = starts[after]!
      output.copy(texts, from, end)
    }
  }

  #writeNumbers(output: Output, name: CallColumn, kind: NumberKind): void {
    const order = this.#order
    const count = order.length
    const isPerRow = perRow.has(name)
    const values = isPerRow ? this.#rows.numbers(name) : this.#numbersOfShapes(name)
    const placeOf = isPerRow ? order : shapeOf
    const { width, least, most } = RANGE[kind]
    output.reserve(count * width)
    const { view } = output
    let at = output.length
    for (let i = 0; i < count; i += 1, at += width) {
      const given = values[placeOf[i]!]!
      const value = given > most ? most : given >= least ? given : given < least ? least : 0
      if (width === 1) view.setUint8(at, value)
      else if (width === 2) view.setUint16(at, value, true)
      else view.setUint32(at, value, true)
      if (width === 8) view.setUint32(at + 4, value / 0x1_0000_0000, true)
    }
    output.length = at
  }

  #numbersOfShapes(name: CallColumn): Float64Array {
    const read = READ_COLUMN[name] as (call: Call) => number
    for (let shape = 0; shape < this.#shapes.length; shape += 1) {
      numberOfShape[shape] = Number(read(this.#shapes[shape]!))
    }
    return numberOfShape
  }
}

/** Numbers the groups of the rows by their first appearance in `order`, writes each row's into `numbered`, and says which they are. */
function groups(groupOf: Uint32Array, count: number, order: Uint32Array, numbered: Uint32Array): number[] {
  const found: number[] = []
  const ordinals = new Int32Array(count).fill(-1)
  for (let i = 0; i < order.length; i += 1) {
    const group = groupOf[order[i]!]!
    if (ordinals[group]! < 0) ordinals[group] = found.push(group) - 1
    numbered[i] = ordinals[group]!
  }
  return found
}

/** The dictionary of one column; key 0 is ''. */
class Keys {
  readonly #keys = new Map<string, number>([['', 0]])
  #last = ''
  #lastKey = 0

  get size(): number {
    return this.#keys.size
  }

  texts(): Iterable<string> {
    return this.#keys.keys()
  }

  of(value: string): number {
    if (value === this.#last) return this.#lastKey
    this.#last = value
    this.#lastKey = this.#keys.get(value) ?? this.#add(value)
    return this.#lastKey
  }

  /** Texts that are the same once encoded share one key. */
  #add(value: string): number {
    const text = LONE_SURROGATE.test(value) ? Buffer.from(value).toString() : value
    const key = this.#keys.get(text) ?? this.#keys.size
    this.#keys.set(text, key)
    return key
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u
