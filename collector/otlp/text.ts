/**
 * Bytes to strings. Telemetry says the same few thousand words again and again: a bounded cache gives the same string back without
 * making it anew, which also lets later comparisons end at the pointer.
 *
 * Invalid UTF-8 becomes U+FFFD, as everywhere in Node: one hostile path must not cost the whole batch it came in.
 */
import { sameBytes, viewOf } from './same-bytes.ts'
import type { Wire } from './wire.ts'

const SLOTS = 4096
/** Longest text that is cached. */
const MAX_CACHED = 64
/**
 * Slot s holds the text whose bytes begin at s * MAX_CACHED of `slab`; a length of 0 is an empty slot. Its string is kept once it comes the second
 * time, '' before: what is kept is garbage of the costly kind later, and many texts never come again.
 */
const strings = new Array<string>(SLOTS).fill('')
const lengths = new Uint8Array(SLOTS)
const slab = Buffer.alloc(SLOTS * MAX_CACHED)
const slabView = viewOf(slab)

/** True for what senders write where they have nothing. */
export function isNothing({ bytes, view }: Wire, from: number, end: number): boolean {
  const length = end - from
  if (length === 0 || (length === 1 && bytes[from] === 0x2d)) return true
  return length === 4 && view.getUint32(from) === 0x6e75_6c6c
}

export function isAscii(view: DataView, from: number, end: number): boolean {
  let at = from
  for (; at + 4 <= end; at += 4) if ((view.getUint32(at) & 0x8080_8080) !== 0) return false
  for (; at < end; at += 1) if (view.getUint8(at) > 0x7f) return false
  return true
}

/** The text of these bytes, cut to `max` bytes. */
export function textOfBytes({ bytes, view }: Wire, from: number, end: number, max: number, cached: boolean): string {
  const length = end - from
  if (length > max) return bytes.utf8Slice(from, cutOf(bytes, from, from + max))
  if (!cached || length === 0 || length > MAX_CACHED) return bytes.utf8Slice(from, end)
  const slot = slotOf(view, from, end)
  const at = slot * MAX_CACHED
  if (lengths[slot] === length && sameBytes(view, from, slabView, at, length)) {
    if (strings[slot] === '') strings[slot] = bytes.utf8Slice(from, end)
    return strings[slot]!
  }
  strings[slot] = ''
  lengths[slot] = length
  for (let i = 0; i < length; i += 1) slab[at + i] = bytes[from + i]!
  return bytes.utf8Slice(from, end)
}

/** Mixes the length with words from the beginning, the middle and the end. */
function slotOf(view: DataView, from: number, end: number): number {
  const length = end - from
  if (length < 4) {
    return (Math.imul(view.getUint8(from) | (view.getUint8(end - 1) << 8) | (length << 16), 0x9e3779b1) >>> 20) % SLOTS
  }
  const ends = Math.imul(view.getUint32(from), 0x85ebca6b) ^ view.getUint32(end - 4)
  const middle = view.getUint32(from + ((length - 4) >> 1))
  return (Math.imul(Math.imul(ends, 0xc2b2ae35) ^ middle ^ (length << 24), 0x9e3779b1) >>> 20) % SLOTS
}

/** Where to cut so that no character is torn. */
function cutOf(bytes: Buffer, from: number, at: number): number {
  let cut = at
  while (cut > from && (bytes[cut]! & 0xc0) === 0x80) cut -= 1
  return cut
}

/** A value that came as a string: '' for what stands for nothing, and cut to `max` bytes. */
export function valueOfText(text: string, max: number): string {
  if (text === '-' || text === 'null') return ''
  return cutText(text, max)
}

/** The beginning of a text, at most `max` bytes of UTF-8. */
export function cutText(text: string, max: number): string {
  if (text.length * 3 <= max) return text
  const bytes = Buffer.from(text)
  return bytes.length <= max ? text : bytes.toString('utf8', 0, cutOf(bytes, 0, max))
}
