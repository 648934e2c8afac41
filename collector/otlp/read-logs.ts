/**
 * Reads an OTLP ExportLogsServiceRequest straight from its bytes: the fields of `LogRecord` and nothing else. This is the
 * program's hot path; test/collector/otlp/read-logs.test.ts proves it equal to a generated decoder.
 *
 * Messages: https://github.com/open-telemetry/opentelemetry-proto (logs/v1/logs.proto, common/v1/common.proto). Unknown fields
 * are skipped. A repeated singular field: the last one counts.
 */
import { PipelineError } from '../../core/errors.ts'
import type { KnownRecord } from './known-record.ts'
import { learn, learnResource, openResource, recordAt, start, walk } from './known-records.ts'
import type { ReadLimits } from './limits.ts'
import type { LogRecord } from './log-record.ts'
import { readRecord, readResource } from './read-record.ts'
import {
  RECORD_ATTRIBUTE,
  RECORD_BODY,
  RECORD_SPAN_ID,
  RECORD_TIME,
  RECORD_TRACE_ID,
  REQUEST_RESOURCE_LOGS,
  RESOURCE_LOGS_RESOURCE,
  RESOURCE_LOGS_SCOPE,
  SCOPE_RECORDS,
} from './tags.ts'
import { Wire } from './wire.ts'

/**
 * Told of each record in order, from position 0. The record is reused: read it or copy it. `sample` gives the beginning of the
 * record as it came, and may be called only until the visitor returns. `known` is there where a record like it came before.
 */
export type VisitLog = (record: LogRecord, position: number, sample: () => Buffer, known?: KnownRecord) => void

/** Most of a record that a sample holds. */
export const MAX_SAMPLE_BYTES = 2048

const wire = new Wire()
let limits: ReadLimits
/** That of the records that are being read, once one of them is not known. */
let resource: LogRecord | undefined
let resourceFrom = 0
let resourceEnd = 0
let count = 0
let recordFrom = 0
let recordEnd = 0

const sample = (): Buffer => wire.bytes.subarray(recordFrom, Math.min(recordEnd, recordFrom + MAX_SAMPLE_BYTES))

/** Returns the number of records. Throws `bad_input` for bytes that are no such request, `too_large` past a limit. */
export function readLogs(body: Uint8Array, readLimits: ReadLimits, visit: VisitLog): number {
  wire.open(body)
  limits = readLimits
  count = 0
  try {
    const end = body.byteLength
    while (wire.at < end) {
      const tag = wire.tag(end)
      if (tag === REQUEST_RESOURCE_LOGS) readResourceLogs(wire.length(end), visit)
      else wire.skip(tag, end)
    }
    return count
  } finally {
    wire.close()
  }
}

/** Two passes, because protobuf lets the resource come after the records it belongs to; the first jumps from length to length. */
function readResourceLogs(end: number, visit: VisitLog): void {
  const from = wire.at
  resourceFrom = 0
  resourceEnd = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === RESOURCE_LOGS_RESOURCE) {
      resourceEnd = wire.length(end)
      resourceFrom = wire.at
      wire.at = resourceEnd
    } else wire.skip(tag, end)
  }
  resource = undefined
  if (!openResource(wire, resourceFrom, resourceEnd) && theResource().marked) {
    learnResource(wire, resourceFrom, resourceEnd)
  }
  wire.at = from
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === RESOURCE_LOGS_SCOPE) readScope(wire.length(end), visit)
    else wire.skip(tag, end)
  }
}

function theResource(): LogRecord {
  resource ??= readResource(wire, resourceFrom, resourceEnd, limits)
  return resource
}

function readScope(end: number, visit: VisitLog): void {
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag !== SCOPE_RECORDS) {
      wire.skip(tag, end)
      continue
    }
    if (count >= limits.maxRecords) {
      throw new PipelineError('too_large', `more than ${limits.maxRecords} log records in one request`)
    }
    recordEnd = wire.length(end)
    recordFrom = wire.at
    const known = readKnown(recordEnd)
    visit(known ?? readWhole(recordEnd), count, sample, known)
    count += 1
  }
}

/** A record like one that came before, with what varies in it; undefined where it is none. */
function readKnown(end: number): KnownRecord | undefined {
  let timeUs = 0
  let traceId = ''
  let spanId = ''
  let node = start()
  if (node < 0) return undefined
  for (;;) {
    node = walk(node, wire, end)
    if (wire.at === end) break
    const tag = wire.tag(end)
    switch (tag) {
      case RECORD_ATTRIBUTE:
      case RECORD_BODY:
        return undefined
      case RECORD_TIME:
        timeUs = wire.microseconds(end)
        break
      case RECORD_TRACE_ID:
        traceId = wire.idText(16, end)
        break
      case RECORD_SPAN_ID:
        spanId = wire.idText(8, end)
        break
      default:
        wire.skip(tag, end)
    }
  }
  const known = recordAt(node)
  if (known === undefined) return undefined
  known.renew(timeUs, traceId, spanId, limits.maxValueBytes)
  return known
}

function readWhole(end: number): LogRecord {
  const resource = theResource()
  const record = readRecord(wire, recordFrom, end, limits)
  if (record.marked) learn(wire, recordFrom, end, record, resource)
  wire.at = end
  return record
}
