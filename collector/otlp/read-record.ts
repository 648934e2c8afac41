/** One resource or log record from its bytes, attribute by attribute: whatever came before, and of any form. */
import { fieldOfBytes } from './field-keys.ts'
import { ANEW, CACHED, MARKED, MARKED_BUT_PORT, portFrom, WAY } from './field-ways.ts'
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
  RESOURCE_ATTRIBUTES,
} from './tags.ts'
import { isNothing, textOfBytes } from './text.ts'
import type { Wire } from './wire.ts'

/** Where the last value of each field was: the next is often the same. */
const lastPlace = new Int32Array(FIELDS.length)

const record = emptyRecord()
const resource = emptyRecord()
/** The one of them that is being filled. */
let filled = record
let wire: Wire
let limits: ReadLimits

/** What the last AnyValue was: one of the ANY_ tags, 0 for none; a string, list or fixed number stands at anyFrom..anyEnd. */
let anyTag = 0
let anyFrom = 0
let anyEnd = 0
let anyText = ''

/** Reads the resource between `at` and `end`. It is reused: read it or copy it. */
export function readResource(from: Wire, at: number, end: number, readLimits: ReadLimits): LogRecord {
  wire = from
  limits = readLimits
  filled = resource
  forget(resource)
  wire.at = at
  while (wire.at < end) {
    const tag = wire.tag(end)
    if (tag === RESOURCE_ATTRIBUTES) readPair(wire.length(end), 0)
    else wire.skip(tag, end)
  }
  return resource
}

/** The same for a record. What it does not say it has of the resource that was read last. */
export function readRecord(from: Wire, at: number, end: number, readLimits: ReadLimits): LogRecord {
  wire = from
  limits = readLimits
  filled = record
  forget(record)
  record.marked = resource.marked
  record.timeUs = 0
  record.traceId = ''
  record.spanId = ''
  record.text = ''
  let bodyFrom = 0
  let bodyEnd = 0
  wire.at = at
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
        record.traceId = wire.idText(16, end)
        break
      case RECORD_SPAN_ID:
        record.spanId = wire.idText(8, end)
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
  return record
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

function forget(old: LogRecord): void {
  const { values } = old
  for (let i = 0; i < values.length; i += 1) values[i] = ''
  old.marks.fill(0)
  old.marked = true
}
