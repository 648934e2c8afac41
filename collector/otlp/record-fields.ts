/** Filling a `LogRecord`: precedence and the shapes of plain JavaScript values, alike for both encodings. */
import { fieldOfText } from './field-keys.ts'
import { parseJsonBody } from './json-text.ts'
import type { ReadLimits } from './limits.ts'
import { FIELDS, type LogRecord } from './log-record.ts'
import { cutText, valueOfText } from './text.ts'

/** Nested objects are read one level down, as Envoy's templates nest; below that nothing is looked for. */
export const MAX_FLATTENED = 1

export function emptyRecord(): LogRecord {
  return {
    timeUs: 0,
    traceId: '',
    spanId: '',
    text: '',
    values: new Array<string>(FIELDS.length).fill(''),
    marks: new Float64Array(FIELDS.length),
    marked: false,
  }
}

/** Sources are read in order of precedence, so what is there already stays. */
export function setField(values: string[], position: number, value: string): void {
  if (values[position] === '') values[position] = value
}

/** A text body: its keys where it is a JSON object, else the text itself. */
export function readTextBody(record: LogRecord, text: string, limits: ReadLimits): void {
  const object = text.charCodeAt(0) === 0x7b ? parseJsonBody(text, limits) : undefined
  if (object === undefined) record.text = cutText(text, limits.maxTextBytes)
  else {
    record.marked = false
    readObject(record.values, object, limits, 0)
  }
}

function readObject(values: string[], object: Record<string, unknown>, limits: ReadLimits, level: number): void {
  for (const key in object) {
    const value = object[key]
    if (typeof value === 'object') {
      if (value !== null && !Array.isArray(value) && level < MAX_FLATTENED) {
        readObject(values, value as Record<string, unknown>, limits, level + 1)
      }
      continue
    }
    const position = fieldOfText(key)
    if (position >= 0) setField(values, position, valueOfText(String(value), limits.maxValueBytes))
  }
}
