/** Bounds of the texts and numbers a record may bring into a call. */

/** Longest text of each field, in UTF-16 units; what is longer is cut. */
export const MAX_LENGTH = {
  name: 253,
  method: 32,
  requestId: 128,
  flags: 64,
  policy: 256,
  detail: 512,
  serial: 64,
  issuer: 256,
}

/** The first `length` units of a text, never half a surrogate pair. */
export function bounded(text: string, length: number): string {
  if (text.length <= length) return text
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}

/** A whole number of at most `max` written in decimal digits; `absent` for any other text. */
export function wholeNumber(text: string, max: number, absent = 0): number {
  if (text === '' || text.length > 16) return absent
  let value = 0
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return absent
    value = value * 10 + digit
  }
  return Math.min(value, max)
}
