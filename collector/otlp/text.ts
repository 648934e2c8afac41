/**
 * Bytes to strings. Telemetry says the same few thousand words again and again: a bounded cache gives the same string back without
 * making it anew, which also lets later comparisons end at the pointer.
 *
 * Invalid UTF-8 becomes U+FFFD, as everywhere in Node: one hostile path must not cost the whole batch it came in.
 */
const SLOTS = 8192
/** Longest text that is cached. */
const MAX_CACHED = 80
const cache: string[] = new Array(SLOTS).fill('')

/** The text of these bytes, cut to `max` bytes; '' for what senders write where they have nothing. */
export function valueOfBytes(bytes: Buffer, from: number, end: number, max: number, cached: boolean): string {
  const length = end - from
  if (length === 0) return ''
  if (length === 1 && bytes[from] === 0x2d) return ''
  if (
    length === 4 &&
    bytes[from] === 0x6e &&
    bytes[from + 3] === 0x6c &&
    bytes.toString('latin1', from, end) === 'null'
  )
    return ''
  if (length > max) return bytes.toString('utf8', from, cutOf(bytes, from, from + max))
  if (!cached || length > MAX_CACHED) return bytes.toString('utf8', from, end)
  const middle = from + (length >> 1)
  const slot =
    (Math.imul(
      bytes[end - 1]! | (bytes[middle]! << 8) | (bytes[end - 1 - (length >> 2)]! << 16) | (length << 24),
      0x9e3779b1,
    ) ^
      Math.imul(
        bytes[from]! | (bytes[from + (length >> 2)]! << 8) | (bytes[end - (length > 1 ? 2 : 1)]! << 16),
        0x85ebca6b,
      )) >>>
    19
  const known = cache[slot]!
  if (known.length === length && sameAscii(known, bytes, from)) return known
  const text = bytes.toString('utf8', from, end)
  // Only ASCII has one unit per byte, so that a later comparison may go byte by byte.
  if (text.length === length) cache[slot] = text
  return text
}

function sameAscii(text: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

/** Where to cut so that no character is torn. */
function cutOf(bytes: Buffer, from: number, at: number): number {
  let cut = at
  while (cut > from && (bytes[cut]! & 0xc0) === 0x80) cut -= 1
  return cut
}

/** As `valueOfBytes`, of a string. */
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
