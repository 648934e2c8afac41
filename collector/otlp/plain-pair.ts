/** An attribute of a log record as nearly all are: a short key, then a string, and nothing else. */
import { ANY_STRING, PAIR_KEY, PAIR_VALUE, RECORD_ATTRIBUTE } from './tags.ts'

/** Lengths of at most two bytes are read. */
const MAX_LOW = 0x7f

export class PlainPair {
  /** Of the key's field, tag and length included. */
  keyFrom = 0
  /** Of the key itself. */
  nameFrom = 0
  keyEnd = 0
  /** Of the string. The pair ends with it. */
  from = 0
  end = 0

  /** False where at `at`, before `limit`, is anything else. */
  read(bytes: Buffer, at: number, limit: number): boolean {
    if (bytes[at] !== RECORD_ATTRIBUTE) return false
    const end = pairEnd(bytes, at)
    const keyFrom = keyFromOf(bytes, at)
    const keyLength = bytes[keyFrom + 1]!
    if (end < 0 || end > limit || bytes[keyFrom] !== PAIR_KEY || keyLength > MAX_LOW) return false
    this.keyFrom = keyFrom
    this.nameFrom = keyFrom + 2
    this.keyEnd = keyFrom + 2 + keyLength
    this.from = stringFrom(bytes, this.keyEnd, end)
    this.end = end
    return this.from >= 0
  }
}

/** Where the attribute at `at` ends; below zero where its length is none of those that are read. */
export function pairEnd(bytes: Buffer, at: number): number {
  const low = bytes[at + 1]!
  if (low <= MAX_LOW) return at + 2 + low
  const high = bytes[at + 2]!
  return high <= MAX_LOW ? at + 3 + (low & MAX_LOW) + high * 0x80 : -1
}

/** Where its key's field begins. */
export function keyFromOf(bytes: Buffer, at: number): number {
  return bytes[at + 1]! <= MAX_LOW ? at + 2 : at + 3
}

/** Where the string begins that is all of the value behind a key, and ends with the pair at `end`; below zero elsewhere. */
export function stringFrom(bytes: Buffer, keyEnd: number, end: number): number {
  if (bytes[keyEnd] !== PAIR_VALUE) return -1
  const any = behindLength(bytes, keyEnd + 1, end)
  return any >= 0 && bytes[any] === ANY_STRING ? behindLength(bytes, any + 1, end) : -1
}

/** Behind the length at `at`, where what it measures ends at `end`; below zero elsewhere. */
function behindLength(bytes: Buffer, at: number, end: number): number {
  const low = bytes[at]!
  if (low <= MAX_LOW) return at + 1 + low === end ? at + 1 : -1
  const high = bytes[at + 1]!
  return high <= MAX_LOW && at + 2 + (low & MAX_LOW) + high * 0x80 === end ? at + 2 : -1
}
