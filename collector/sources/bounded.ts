/** Bounds of the texts and numbers a record may bring into a call. */

import { numberOfText } from '../otlp/digits.ts'

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
  return numberOr(numberOfText(text), max, absent)
}

/** At most `max`; `absent` for a number below 0. */
export function numberOr(value: number, max: number, absent = 0): number {
  return value < 0 ? absent : Math.min(value, max)
}
