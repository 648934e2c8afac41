/**
 * Finds the field an attribute's key stands for. On bytes, keys are matched by length, first and last byte, then compared whole:
 * no string is made for a key, known or not.
 */
import { FIELD, FIELD_ALIASES, FIELDS } from './log-record.ts'

const KEYS: Buffer[] = []
const POSITIONS: number[] = []
const BY_TEXT = new Map<string, number>()
for (const field of FIELDS) {
  for (const alias of FIELD_ALIASES[field]) {
    KEYS.push(Buffer.from(alias))
    POSITIONS.push(FIELD[field])
    BY_TEXT.set(alias, FIELD[field])
  }
}

const SLOTS = 2048
/** First key of a slot, and the next one of the same slot; 0 is none, key k is k + 1. */
const first = new Uint8Array(SLOTS)
const next = new Uint8Array(KEYS.length + 1)
KEYS.forEach((key, k) => {
  const slot = slotOf(key.length, key[0]!, key.at(-1)!)
  next[k + 1] = first[slot]!
  first[slot] = k + 1
})

function slotOf(length: number, head: number, tail: number): number {
  return (length * 61 + head * 17 + tail * 5) & (SLOTS - 1)
}

/** Position of the field whose key is these bytes, or -1. */
export function fieldOfBytes(bytes: Buffer, from: number, end: number): number {
  const length = end - from
  if (length === 0) return -1
  for (let k = first[slotOf(length, bytes[from]!, bytes[end - 1]!)]!; k !== 0; k = next[k]!) {
    const key = KEYS[k - 1]!
    if (key.length !== length) continue
    let i = 0
    while (i < length && key[i] === bytes[from + i]) i += 1
    if (i === length) return POSITIONS[k - 1]!
  }
  return -1
}

/** Position of the field with this key, or -1. */
export function fieldOfText(key: string): number {
  return BY_TEXT.get(key) ?? -1
}
