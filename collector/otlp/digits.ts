/** Whole numbers of at most 16 decimal digits; -1 for anything else. */
const MAX_DIGITS = 16

export function numberOfText(text: string): number {
  if (text === '' || text.length > MAX_DIGITS) return -1
  let value = 0
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

export function numberOfBytes(bytes: Buffer, from: number, end: number): number {
  if (from === end || end - from > MAX_DIGITS) return -1
  let value = 0
  for (let at = from; at < end; at += 1) {
    const digit = bytes[at]! - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
