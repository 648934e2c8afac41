/** When a call began, how long it took and when it ended, as its record says; read-delivery.ts judges whether that can be. */
import type { Call } from '../../core/call.ts'
import { DAY } from '../../core/clock.ts'
import type { FieldValues } from '../otlp/field-values.ts'
import { FIELD } from '../otlp/log-record.ts'
import { numberOr } from './bounded.ts'

/** Longest duration believed: 365 days. */
export const MAX_DURATION_US = 365 * DAY

const { durationUs, duration, startTime } = FIELD

export function readTimes(call: Call, timeUs: number, values: FieldValues): void {
  const exact = numberOr(values.numberOf(durationUs), MAX_DURATION_US, -1)
  if (exact >= 0) {
    call.durationUs = exact
    call.durationStepUs = 1
  } else {
    call.durationUs = Math.min(numberOr(values.numberOf(duration), Number.MAX_SAFE_INTEGER) * 1000, MAX_DURATION_US)
    call.durationStepUs = 1000
  }
  const said = timeUs > 0 ? timeUs : timeOf(values.textOf(startTime))
  call.start = said > 0 ? said : Math.max(0, call.received - call.durationUs)
  call.end = call.start + call.durationUs
}

/** Epoch microseconds of an ISO 8601 time, 0 where it is none. */
export function timeOf(text: string): number {
  if (text === '' || text.length > 40) return 0
  const ms = Date.parse(text)
  return ms > 0 ? ms * 1000 : 0
}
