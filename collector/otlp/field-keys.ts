/**
 * Finds the field an attribute's key stands for. On bytes, keys are matched by length, first and last byte, then compared whole:
 * no string is made for a key, known or not.
 */
import { FIELD, FIELD_ALIASES, FIELDS } from './log-record.ts'
import { sameBytes, viewOf } from './same-bytes.ts'

const keys = FIELDS.flatMap((field) => FIELD_ALIASES[field].map((alias) => ({ alias, position: FIELD[field] })))
const byText = new Map(keys.map(({ alias, position }) => [alias as string, position]))

/** All keys one after the other; key k is the `lengths[k]` bytes from `starts[k]`. */
const text = Buffer.from(keys.map(({ alias }) => alias).join(''))
const view = viewOf(text)
const positions = Int32Array.from(keys, ({ position }) => position)
const lengths = Int32Array.from(keys, ({ alias }) => alias.length)
const starts = new Int32Array(keys.length)

const SLOTS = 2048
/** First key of a slot, and the next one of the same slot; -1 is none. */
const first = new Int32Array(SLOTS).fill(-1)
const next = new Int32Array(keys.length)
let start = 0
for (let k = 0; k < keys.length; k += 1) {
  const end = start + lengths[k]!
  starts[k] = start
  const slot = slotOf(lengths[k]!, text[start]!, text[end - 1]!)
  next[k] = first[slot]!
  first[slot] = k
  start = end
}

function slotOf(length: number, head: number, tail: number): number {
  return (length * 61 + head * 17 + tail * 5) & (SLOTS - 1)
}

/** Position of the field whose key is these bytes, or -1. */
export function fieldOfBytes(bytes: DataView, from: number, end: number): number {
  const length = end - from
  if (length === 0) return -1
  for (let k = first[slotOf(length, bytes.getUint8(from), bytes.getUint8(end - 1))]!; k >= 0; k = next[k]!) {
    if (lengths[k] === length && sameBytes(bytes, from, view, starts[k]!, length)) return positions[k]!
  }
  return -1
}

/** Position of the field with this key, or -1. */
export function fieldOfText(key: string): number {
  return byText.get(key) ?? -1
}
