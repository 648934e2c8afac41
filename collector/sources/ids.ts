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

function isLowerHex({ source: { view }, from, end }: TextSpan): boolean {
  for (let at = from; at < end; at += 1) {
    const code = view.getUint8(at)
    if (code < 48 || code > 102 || (code > 57 && code < 97)) return false
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
