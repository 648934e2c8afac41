/**
 * Text of telemetry for a person's eyes, and JSON that is harmless wherever it is shown. Whoever sends telemetry chooses names and paths: they
 * may hold line breaks, escapes that move a cursor, marks that turn the direction of writing, or no valid Unicode at all.
 */
import { harmless } from '../../core/harmless.ts'
import { clip } from '../clip.ts'

/** One line of at most `max` UTF-16 units, well-formed and with nothing invisible in it. */
export function plain(text: string, max: number): string {
  // Cut before it is looked at: the text may be a megabyte. Nothing below makes it longer.
  const line = clip(text, 4 * max)
    .replace(/\s+/gu, ' ')
    .trim()
  return clip(harmless(line).replace(/\p{Cs}/gu, '?'), max)
}

/** The same value to whoever parses it, and in itself free of control characters and of marks that reorder text. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')
}
