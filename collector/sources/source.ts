import type { RowIds } from '../../core/block.ts'
import type { Call, Trust } from '../../core/call.ts'
import type { FieldValues } from '../otlp/field-values.ts'
import type { LogRecord } from '../otlp/log-record.ts'

/** What is known of a record's way to us. */
export interface RecordContext {
  sender: string
  trust: Trust
  /** Epoch microseconds at which the collector had the delivery. */
  received: number
}

/** Why a record is not a call. `reason` is a code, `detail` a sentence. */
export interface Unreadable {
  reason: string
  detail: string
}

/** One file per mesh and signal. Pure: the same record gives the same call on every collector. */
export interface LogSource {
  name: string
  read(record: LogRecord, context: RecordContext): Call | Unreadable
  /**
   * Where most of a call comes again and again. `vary` writes what the record's VARYING and FLEETING_PORT fields, time and ids say
   * into columns of PER_ROW (core/block/call-rows.ts), such that for records a and b with the same marks, `vary(read(a), b)`
   * is `read(b)`. It looks at `values` in place of the record's own, which cost more; ids that it notes in `ids`, as bytes, it need
   * not write. `repeats` is false where that does not hold of a.
   */
  repeated?: {
    repeats(record: LogRecord): boolean
    vary(call: Call, record: LogRecord, values: FieldValues, ids: RowIds): void
  }
}

export function isCall(result: Call | Unreadable): result is Call {
  return 'reporter' in result
}
