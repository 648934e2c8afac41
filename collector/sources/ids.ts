/** Ids to look a call up by. Callers choose them: nothing is counted or joined by them alone. */
import type { Call } from '../../core/call.ts'
import { FIELD as F, type LogRecord } from '../otlp/log-record.ts'
import { bounded, MAX_LENGTH } from './bounded.ts'

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/
const TRACE_ID = /^[0-9a-f]{16,32}$/

export function readIds(call: Call, record: LogRecord, values: readonly string[]): void {
  call.requestId = bounded(values[F.requestId]!, MAX_LENGTH.requestId)
  call.traceId = record.traceId
  call.spanId = record.spanId
  if (call.traceId !== '') return
  const traceId = values[F.traceId]!.toLowerCase()
  if (TRACE_ID.test(traceId)) {
    call.traceId = traceId.padStart(32, '0')
    return
  }
  const parent = values[F.traceparent]!
  const match = parent === '' ? null : TRACEPARENT.exec(parent)
  if (match !== null) call.traceId = match[1]!
}
