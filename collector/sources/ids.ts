/** Ids to look a call up by. Callers choose them: nothing is counted or joined by them alone. */
import type { RowIds, TextSpan } from '../../core/block.ts'
import type { Call } from '../../core/call.ts'
import type { FieldValues } from '../otlp/field-values.ts'
import { FIELD as F, type LogRecord } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/
/** Digits of a trace id, and of one of 64 bits. */
const DIGITS = 32
const SHORT_DIGITS = 16

/** What can stay bytes is noted in `ids` instead. */
export function readIds(call: Call, record: LogRecord, values: FieldValues, ids?: RowIds): void {
  call.spanId = record.spanId
  if (ids === undefined || !values.spanOf(F.requestId, ids.requestId)) {
    call.requestId = bounded(values.textOf(F.requestId), MAX_LENGTH.requestId)
  }
  if (record.traceId !== '') call.traceId = record.traceId
  else if (ids === undefined || !noteTraceId(values, ids.traceId)) call.traceId = readTraceId(values)
}

/** False, with nothing noted, where it is not canonical as it stands. */
function noteTraceId(values: FieldValues, span: TextSpan): boolean {
  if (!values.spanOf(F.traceId, span)) return false
  if (span.end - span.from === DIGITS && isLowerHex(span)) return true
  span.forget()
  return false
}

/**
 * Of a multiple of four characters, four at a time. Letters have bit 6 set; taken back by 0x27 they follow the digits, 0x30 to 0x3f. Then
 * each is a digit where its low half is below ten, and was a letter where it is not.
 */
function isLowerHex({ source: { view }, from, end }: TextSpan): boolean {
  for (let at = from; at < end; at += 4) {
    const four = view.getInt32(at)
    const letters = (four >>> 6) & 0x0101_0101
    const values = (four - letters * 0x27) | 0
    const aboveNine = (((values & 0x0f0f_0f0f) + 0x0606_0606) >>> 4) & 0x0101_0101
    if ((values & 0xf0f0_f0f0) !== 0x3030_3030 || aboveNine !== letters) return false
  }
  return true
}

function readTraceId(values: FieldValues): string {
  const own = canonicalTraceId(values.textOf(F.traceId))
  if (own !== '') return own
  const parent = values.textOf(F.traceparent)
  return (parent === '' ? null : TRACEPARENT.exec(parent))?.[1] ?? ''
}

/** '' for what is no trace id. */
function canonicalTraceId(text: string): string {
  const { length } = text
  if (length < SHORT_DIGITS || length > DIGITS) return ''
  let isLower = true
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) continue
    if (code >= 97 && code <= 102) continue
    if (code < 65 || code > 70) return ''
    isLower = false
  }
  const lower = isLower ? text : text.toLowerCase()
  return length === DIGITS ? lower : lower.padStart(DIGITS, '0')
}
