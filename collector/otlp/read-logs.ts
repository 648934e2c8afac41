/**
 * Reads an OTLP ExportLogsServiceRequest straight from its bytes: the fields of `LogRecord` and nothing else. This is the
 * program's hot path; test/collector/otlp/read-logs.test.ts proves it equal to a generated decoder.
 *
 * Messages: https://github.com/open-telemetry/opentelemetry-proto (logs/v1/logs.proto, common/v1/common.proto). Unknown fields
 * are skipped. A repeated singular field: the last one counts.
 */
import { PipelineError } from '../../core/errors.ts'
import { fieldOfBytes } from './field-keys.ts'
import { ANEW, CACHED, MARKED, MARKED_BUT_PORT, portFrom, WAY } from './field-ways.ts'
import type { KnownRecord } from './known-record.ts'
import { learn, openNoResource, openResource, recordAt, start, step } from './known-records.ts'
import type { ReadLimits } from './limits.ts'
import { FIELDS, type LogRecord } from './log-record.ts'
import { MAX_MARKED, markAt, placeOf, textAt } from './marks.ts'
import { emptyRecord, MAX_FLATTENED, readTextBody } from './record-fields.ts'
import {
  ANY_ARRAY,
  ANY_BOOL,
  ANY_BYTES,
  ANY_DOUBLE,
  ANY_INT,
  ANY_LIST,
  ANY_STRING,
  LIST_VALUES,
  PAIR_KEY,
  PAIR_VALUE,
  RECORD_ATTRIBUTE,
  RECORD_BODY,
  RECORD_SPAN_ID,
  RECORD_TIME,
  RECORD_TRACE_ID,
  REQUEST_RESOURCE_LOGS,
  RESOURCE_ATTRIBUTES,
  RESOURCE_LOGS_RESOURCE,
  RESOURCE_LOGS_SCOPE,
  SCOPE_RECORDS,
} from './tags.ts'
import { isNothing, textOfBytes } from './text.ts'
import { Wire } from './wire.ts'

/**
 * Told of each record in order, from position 0. The record is reused: read it or copy it. `sample` gives the beginning of the
 * record as it came, and may be called only until the visitor returns. `known` is there where a record like it came before.
 */
export type VisitLog = (record: LogRecord, position: number, sample: () => Buffer, known?: KnownRecord) => void

/** Most of a record that a sample holds. */
export const MAX_SAMPLE_BYTES = 2048

/** Where the last value of each field was: the next is often the same. */
const lastPlace = new Int32Array(FIELDS.length)

const wire = new Wire()
const record = emptyRecord()
const resource = emptyRecord()
/** The one of them that is being filled. */
let filled = record
let limits: ReadLimits
let count = 0
let recordFrom = 0
let recordEnd = 0

/** What the last AnyValue was: one of the ANY_ tags, 0 for none; a string, list or fixed number stands at anyFrom..anyEnd. */
let anyTag = 0
let anyFrom = 0
let anyEnd = 0
let anyText = ''

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
  let resourceFrom = 0
  let resourceEnd = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === RESOURCE_LOGS_RESOURCE) {
      resourceEnd = wire.length(end)
      resourceFrom = wire.at
      wire.at = resourceEnd
    } else wire.skip(tag, end)
  }
  forget(resource)
  filled = resource
  wire.at = resourceFrom
  while (wire.at < resourceEnd) {
    const tag = wire.tag(resourceEnd)
    if (tag === RESOURCE_ATTRIBUTES) readPair(wire.length(resourceEnd), 0)
    else wire.skip(tag, resourceEnd)
  }
  if (resource.marked) openResource(wire, resourceFrom, resourceEnd)
  else openNoResource()
  filled = record
  wire.at = from
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === RESOURCE_LOGS_SCOPE) readScope(wire.length(end), visit)
    else wire.skip(tag, end)
  }
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

function forget(old: LogRecord): void {
  const { values } = old
  for (let i = 0; i < values.length; i += 1) values[i] = ''
  old.marks.fill(0)
  old.marked = true
}

/** A record like one that came before, with what varies in it; undefined where it is none. */
function readKnown(end: number): KnownRecord | undefined {
  let timeUs = 0
  let traceId = ''
  let spanId = ''
  let node = start()
  if (node < 0) return undefined
  while (wire.at < end) {
    const next = step(node, wire, end)
    if (next >= 0) {
      node = next
      continue
    }
    const tag = wire.tag(end)
    switch (tag) {
      case RECORD_ATTRIBUTE:
      case RECORD_BODY:
        return undefined
      case RECORD_TIME:
        timeUs = wire.microseconds(end)
        break
      case RECORD_TRACE_ID:
        traceId = readId(wire.length(end), 16)
        break
      case RECORD_SPAN_ID:
        spanId = readId(wire.length(end), 8)
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
  wire.at = recordFrom
  readRecord(end)
  if (record.marked) learn(wire, recordFrom, end, record, resource)
  wire.at = end
  return record
}

function readRecord(end: number): void {
  forget(record)
  record.marked = resource.marked
  record.timeUs = 0
  record.traceId = ''
  record.spanId = ''
  record.text = ''
  let bodyFrom = 0
  let bodyEnd = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    switch (tag) {
      case RECORD_ATTRIBUTE:
        readPair(wire.length(end), 0)
        break
      case RECORD_TIME:
        record.timeUs = wire.microseconds(end)
        break
      case RECORD_BODY:
        bodyEnd = wire.length(end)
        bodyFrom = wire.at
        wire.at = bodyEnd
        break
      case RECORD_TRACE_ID:
        record.traceId = readId(wire.length(end), 16)
        break
      case RECORD_SPAN_ID:
        record.spanId = readId(wire.length(end), 8)
        break
      default:
        wire.skip(tag, end)
    }
  }
  if (bodyEnd > bodyFrom) {
    wire.at = bodyFrom
    readBody(bodyEnd)
    wire.at = end
  }
  const { values, marks } = record
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] !== '') continue
    values[i] = resource.values[i]!
    marks[i] = resource.marks[i]!
  }
}

function readBody(end: number): void {
  readAny(end)
  if (anyTag === ANY_STRING) {
    readTextBody(record, wire.bytes.utf8Slice(anyFrom, anyEnd), limits)
  } else if (anyTag === ANY_LIST) readList(anyFrom, anyEnd, 0)
}

function readList(from: number, end: number, level: number): void {
  wire.at = from
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === LIST_VALUES) readPair(wire.length(end), level)
    else wire.skip(tag, end)
  }
}

function readPair(end: number, level: number): void {
  if (readPlainPair(end)) return
  let position = -1
  anyTag = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === PAIR_KEY) {
      const stop = wire.length(end)
      position = fieldOfBytes(wire.view, wire.at, stop)
      wire.at = stop
    } else if (tag === PAIR_VALUE) readAny(wire.length(end))
    else wire.skip(tag, end)
  }
  if (anyTag === ANY_LIST) {
    if (level < MAX_FLATTENED) readList(anyFrom, anyEnd, level + 1)
    wire.at = end
  } else if (position >= 0) setAny(position)
}

/** A key and a string, each of less than 128 bytes, and nothing else, as nearly all are; false where it is anything more. */
function readPlainPair(end: number): boolean {
  const { bytes, at } = wire
  const keyFrom = at + 2
  if (keyFrom > end || bytes[at] !== PAIR_KEY) return false
  const keyLength = bytes[at + 1]!
  const keyEnd = keyFrom + keyLength
  const from = keyEnd + 4
  if (keyLength > 0x7f || from > end || bytes[keyEnd] !== PAIR_VALUE || bytes[keyEnd + 2] !== ANY_STRING) return false
  const valueLength = bytes[keyEnd + 1]!
  const length = bytes[keyEnd + 3]!
  if (valueLength > 0x7f || length + 2 !== valueLength || from + length !== end) return false
  wire.at = end
  const position = fieldOfBytes(wire.view, keyFrom, keyEnd)
  if (position >= 0) setText(position, from, end)
  return true
}

function readAny(end: number): void {
  anyTag = 0
  while (wire.at < end) {
    const tag = wire.tag(end)
    switch (tag) {
      case ANY_STRING:
      case ANY_LIST:
        anyEnd = wire.length(end)
        anyFrom = wire.at
        wire.at = anyEnd
        break
      case ANY_BOOL:
        anyText = wire.varint(end) === 0 ? 'false' : 'true'
        break
      case ANY_INT:
        anyText = wire.int64Text(end)
        break
      case ANY_DOUBLE:
        anyText = String(wire.view.getFloat64(wire.fixed(8, end), true))
        break
      case ANY_ARRAY:
      case ANY_BYTES:
        wire.at = wire.length(end)
        break
      default:
        wire.skip(tag, end)
        continue
    }
    anyTag = tag
  }
}

/** Sources are read in order of precedence, so what is there already stays. */
function setAny(position: number): void {
  switch (anyTag) {
    case ANY_STRING:
      setText(position, anyFrom, anyEnd)
      break
    case ANY_BOOL:
    case ANY_INT:
    case ANY_DOUBLE:
      if (filled.values[position] !== '') return
      filled.values[position] = anyText
      filled.marked &&= WAY[position] === CACHED || WAY[position] === ANEW
      break
  }
}

function setText(position: number, from: number, end: number): void {
  const { values, marks } = filled
  if (values[position] !== '' || isNothing(wire, from, end)) return
  const { bytes, view } = wire
  const way = WAY[position]!
  if (way === MARKED) {
    if (end - from > MAX_MARKED) unmarked(position, from, end)
    else {
      const place = placeOf(bytes, view, from, end, lastPlace[position]!)
      lastPlace[position] = place
      values[position] = textAt(place)
      marks[position] = markAt(place)
    }
  } else if (way === MARKED_BUT_PORT) {
    const stop = portFrom(bytes, from, end)
    if (stop - from > MAX_MARKED) unmarked(position, from, end)
    else {
      const place = placeOf(bytes, view, from, stop, lastPlace[position]!)
      lastPlace[position] = place
      marks[position] = markAt(place)
      values[position] = textOfBytes(wire, from, end, limits.maxValueBytes, false)
    }
  } else values[position] = textOfBytes(wire, from, end, limits.maxValueBytes, way === CACHED)
}

function unmarked(position: number, from: number, end: number): void {
  filled.values[position] = textOfBytes(wire, from, end, limits.maxValueBytes, false)
  filled.marked = false
}

/** Ids of another length than the specification's are no ids. */
function readId(end: number, size: number): string {
  const from = wire.at
  wire.at = end
  return end - from === size ? wire.bytes.toString('hex', from, end) : ''
}
