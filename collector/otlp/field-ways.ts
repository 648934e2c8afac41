/** How the value of each field becomes text, by FIELD position. */
import { FIELD, FIELDS, FLEETING_PORT, VARYING } from './log-record.ts'

const COLON = 0x3a
const CLOSING_BRACKET = 0x5d

/** How the text of a field is made: marked; marked without its port; one of a few that come again; made anew each time. */
export const MARKED = 0
export const MARKED_BUT_PORT = 1
export const CACHED = 2
export const ANEW = 3
export const WAY = new Uint8Array(FIELDS.length)
for (const field of FLEETING_PORT) WAY[FIELD[field]] = MARKED_BUT_PORT
for (const field of VARYING) WAY[FIELD[field]] = CACHED
for (const field of ['requestId', 'traceId', 'traceparent', 'startTime', 'durationUs'] as const)
  WAY[FIELD[field]] = ANEW

/**
 * Where the port's digits of `10.0.0.1:80` or `[::1]:80` begin; the end where there are none. Behind a colon that is not the only
 * one, digits may be part of an IPv6 address.
 */
export function portFrom(bytes: Buffer, from: number, end: number): number {
  let at = end - 1
  while (at > from && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at -= 1
  if (at === from || at === end - 1 || bytes[at] !== COLON) return end
  if (bytes[at - 1] === CLOSING_BRACKET) return at + 1
  for (let before = from; before < at; before += 1) if (bytes[before] === COLON) return end
  return at + 1
}
