/** Tags of opentelemetry.proto.logs.v1 and common.v1 as they stand on the wire: (field number << 3) | wire type. */
import { FIXED64, LENGTH, VARINT } from './wire.ts'

export const REQUEST_RESOURCE_LOGS = (1 << 3) | LENGTH
export const RESOURCE_LOGS_RESOURCE = (1 << 3) | LENGTH
export const RESOURCE_LOGS_SCOPE = (2 << 3) | LENGTH
export const RESOURCE_ATTRIBUTES = (1 << 3) | LENGTH
export const SCOPE_RECORDS = (2 << 3) | LENGTH
export const RECORD_TIME = (1 << 3) | FIXED64
export const RECORD_BODY = (5 << 3) | LENGTH
export const RECORD_ATTRIBUTE = (6 << 3) | LENGTH
export const RECORD_TRACE_ID = (9 << 3) | LENGTH
export const RECORD_SPAN_ID = (10 << 3) | LENGTH
export const PAIR_KEY = (1 << 3) | LENGTH
export const PAIR_VALUE = (2 << 3) | LENGTH
export const LIST_VALUES = (1 << 3) | LENGTH
export const ANY_STRING = (1 << 3) | LENGTH
export const ANY_BOOL = (2 << 3) | VARINT
export const ANY_INT = (3 << 3) | VARINT
export const ANY_DOUBLE = (4 << 3) | FIXED64
export const ANY_ARRAY = (5 << 3) | LENGTH
export const ANY_LIST = (6 << 3) | LENGTH
export const ANY_BYTES = (7 << 3) | LENGTH
