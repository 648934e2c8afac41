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
    const size = bytes[at + 1]!
    let next = at + 2
    let end = next + size
    if (size > MAX_LOW) {
      const high = bytes[next]!
      if (high > MAX_LOW) return false
      next += 1
      end = next + (size & MAX_LOW) + high * 0x80
    }
    const keyLength = bytes[next + 1]!
    if (!(end <= limit) || bytes[next] !== PAIR_KEY || keyLength > MAX_LOW) return false
    this.keyFrom = next
    this.nameFrom = next + 2
    this.keyEnd = next + 2 + keyLength
    next = this.keyEnd
    if (bytes[next] !== PAIR_VALUE) return false
    next = this.#lengthBefore(bytes, next + 1, end)
    if (next < 0 || bytes[next] !== ANY_STRING) return false
    this.from = this.#lengthBefore(bytes, next + 1, end)
    this.end = end
    return this.from >= 0
  }

  /** Behind the length at `at`, where what it measures ends at `end`; below zero elsewhere. */
  #lengthBefore(bytes: Buffer, at: number, end: number): number {
    const low = bytes[at]!
    if (low <= MAX_LOW) return at + 1 + low === end ? at + 1 : -1
    const high = bytes[at + 1]!
    return high <= MAX_LOW && at + 2 + (low & MAX_LOW) + high * 0x80 === end ? at + 2 : -1
  }
}
