/**
 * Numbers for texts. Telemetry says the same few thousand words again and again: equal bytes are recognised without becoming a
 * string, and get the mark and the string they had before.
 *
 * Bounded: eight places for each hash; a ninth text takes the place of another, which gets a new mark when it comes again. No mark
 * is ever given to a second text.
 */
import { sameBytes, viewOf } from './same-bytes.ts'

const SETS = 4096
const WAYS = 8
/** Longest text that is marked, in bytes. */
export const MAX_MARKED = 128

const PLACES = SETS * WAYS
const hashes = new Int32Array(PLACES)
const lengths = new Uint8Array(PLACES)
/** Never used twice, also after centuries: whole numbers in doubles. */
const marks = new Float64Array(PLACES)
const texts = new Array<string>(PLACES).fill('')
/** The bytes of place p begin at p * MAX_MARKED. */
const slab = Buffer.alloc(PLACES * MAX_MARKED)
const slabView = viewOf(slab)
/** The place of each set that is given away next. */
const next = new Uint8Array(SETS)
let lastMark = 0

/** Place of a text of 1 to MAX_MARKED bytes, good until the next call. `guess` is the place where it was, perhaps, before. */
export function placeOf(bytes: Buffer, view: DataView, from: number, end: number, guess: number): number {
  const length = end - from
  if (lengths[guess] === length && sameBytes(view, from, slabView, guess * MAX_MARKED, length)) return guess
  const hash = hashOf(view, from, end)
  const set = (hash >>> 20) % SETS
  const first = set * WAYS
  for (let place = first; place < first + WAYS; place += 1) {
    if (
      hashes[place] === hash &&
      lengths[place] === length &&
      sameBytes(view, from, slabView, place * MAX_MARKED, length)
    )
      return place
  }
  const place = first + next[set]!
  next[set] = (next[set]! + 1) % WAYS
  lastMark += 1
  hashes[place] = hash
  lengths[place] = length
  marks[place] = lastMark
  texts[place] = bytes.utf8Slice(from, end)
  bytes.copy(slab, place * MAX_MARKED, from, end)
  return place
}

export function markAt(place: number): number {
  return marks[place]!
}

export function textAt(place: number): string {
  return texts[place]!
}

export function hashOf(view: DataView, from: number, end: number): number {
  let hash = end - from
  let at = from
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ view.getUint8(at), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash
}
