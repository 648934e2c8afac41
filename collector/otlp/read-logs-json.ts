/**
 * Reads an OTLP/JSON ExportLogsServiceRequest into the same `LogRecord`s as the protobuf reader. Keys are lowerCamelCase, ids hex
 * in any case, 64-bit integers decimal texts or numbers, unknown fields ignored (OTLP specification, "JSON Protobuf Encoding").
 */
import { PipelineError } from '../../core/errors.ts'
import { fieldOfText } from './field-keys.ts'
import { elements, type Json, member, uint64 } from './json-members.ts'
import { parseJson } from './json-text.ts'
import type { ReadLimits } from './limits.ts'
import type { LogRecord } from './log-record.ts'
import { MAX_SAMPLE_BYTES, type VisitLog } from './read-logs.ts'
import { emptyRecord, MAX_FLATTENED, readTextBody, setField } from './record-fields.ts'
import { valueOfText } from './text.ts'

/** Returns the number of records. Throws `bad_input` for what is no such request, `too_large` past a limit. */
export function readLogsJson(body: Uint8Array, limits: ReadLimits, visit: VisitLog): number {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const request = { request: parseJson(bytes, limits) }
  const record = emptyRecord()
  const resource = [...record.values]
  let count = 0
  for (const resourceLogs of elements(member(request, 'request') ?? {}, 'resourceLogs')) {
    resource.fill('')
    readPairs(elements(member(resourceLogs, 'resource') ?? {}, 'attributes'), resource, limits, 0)
    for (const scope of elements(resourceLogs, 'scopeLogs')) {
      for (const json of elements(scope, 'logRecords')) {
        if (count >= limits.maxRecords) {
          throw new PipelineError('too_large', `more than ${limits.maxRecords} log records in one request`)
        }
        readRecord(json, record, resource, limits)
        visit(record, count, () => Buffer.from(JSON.stringify(json)).subarray(0, MAX_SAMPLE_BYTES))
        count += 1
      }
    }
  }
  return count
}

function readRecord(json: Json, record: LogRecord, resource: readonly string[], limits: ReadLimits): void {
  const { values } = record
  values.fill('')
  record.timeUs = Number(uint64(json, 'timeUnixNano') / 1000n)
  record.traceId = readId(json.traceId, 32)
  record.spanId = readId(json.spanId, 16)
  record.text = ''
  readPairs(elements(json, 'attributes'), values, limits, 0)
  const body = member(json, 'body')
  if (typeof body?.stringValue === 'string') readTextBody(record, body.stringValue, limits)
  else if (body !== undefined) readPairs(listOf(body), values, limits, 0)
  for (let i = 0; i < values.length; i += 1) if (values[i] === '') values[i] = resource[i]!
}

function readPairs(pairs: readonly Json[], values: string[], limits: ReadLimits, level: number): void {
  for (const pair of pairs) {
    const value = member(pair, 'value')
    if (value === undefined) continue
    if (level < MAX_FLATTENED) readPairs(listOf(value), values, limits, level + 1)
    const position = typeof pair.key === 'string' ? fieldOfText(pair.key) : -1
    if (position >= 0) setField(values, position, textOf(value, limits))
  }
}

function listOf(value: Json): readonly Json[] {
  const list = member(value, 'kvlistValue')
  return list === undefined ? [] : elements(list, 'values')
}

function textOf(value: Json, limits: ReadLimits): string {
  if (typeof value.stringValue === 'string') return valueOfText(value.stringValue, limits.maxValueBytes)
  if (typeof value.boolValue === 'boolean') return String(value.boolValue)
  if (value.doubleValue !== undefined) return String(Number(value.doubleValue))
  const int = value.intValue
  if (typeof int === 'number' && Number.isInteger(int)) return BigInt(int).toString()
  return typeof int === 'string' && /^-?\d{1,20}$/.test(int) ? BigInt(int).toString() : ''
}

function readId(id: unknown, digits: number): string {
  return typeof id === 'string' && id.length === digits && /^[0-9a-fA-F]+$/.test(id) ? id.toLowerCase() : ''
}
