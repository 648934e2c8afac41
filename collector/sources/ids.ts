/** Ids to look a call up by. Callers choose them: nothing is counted or joined by them alone. */
import type { Call } from '../../core/call.ts'
import type { FieldValues } from '../otlp/field-values.ts'
import { FIELD as F, type LogRecord } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/
/** Digits of a trace id, and of one of 64 bits. */
const DIGITS = 32
const SHORT_DIGITS = 16

export function readIds(call: Call, record: LogRecord, values: FieldValues): void {
  call.requestId = bounded(values.textOf(F.requestId), MAX_LENGTH.requestId)
  call.traceId = record.traceId
  call.spanId = record.spanId
  if (call.traceId !== '') return
  call.traceId = canonicalTraceId(values.textOf(F.traceId))
  if (call.traceId !== '') return
  const parent = values.textOf(F.traceparent)
  const match = parent === '' ? null : TRACEPARENT.exec(parent)
  if (match !== null) call.traceId = match[1]!
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
