/**
 * What the readers must give, said plainly over protobufjs' decoder: no byte tricks, no reuse. Also encodes requests, as protobuf
 * and as OTLP/JSON.
 */
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { FIELD, FIELD_ALIASES, FIELDS, type LogRecord } from '../../../collector/otlp/log-record.ts'

export type Value =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: bigint }
  | { doubleValue: number }
  | { bytesValue: Uint8Array }
  | { arrayValue: { values: Value[] } }
  | { kvlistValue: { values: Pair[] } }
  | Record<string, never>
export interface Pair {
  key: string
  value: Value
}
export interface Log {
  timeUnixNano: bigint
  severityNumber: number
  severityText: string
  body: Value | undefined
  attributes: Pair[]
  traceId: Uint8Array
  spanId: Uint8Array
}
export interface Request {
  resourceLogs: { resource: { attributes: Pair[] } | undefined; scopeLogs: { logRecords: Log[] }[] }[]
}

const root = protobuf.loadSync(join(import.meta.dirname, '../../../bench/otlp-logs.proto'))
const type = root.lookupType('otlp.ExportLogsServiceRequest')

/** protobufjs takes 64-bit integers as Long-like objects. */
function toProto(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const bits = BigInt.asUintN(64, value)
    return { low: Number(bits & 0xffff_ffffn) | 0, high: Number(bits >> 32n) | 0, unsigned: value >= 0n }
  }
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(toProto)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toProto(inner)]))
}

export function encode(request: Request): Buffer {
  return Buffer.from(type.encode(type.create(toProto(request) as object)).finish())
}

/** As `encode`, with the resource after its records, which protobuf allows. */
export function encodeResourceLast(request: Request): Buffer {
  const part = root.lookupType('otlp.ResourceLogs')
  const pieces = request.resourceLogs.flatMap(({ resource, scopeLogs }) => {
    const scopes = part.encode(part.create(toProto({ scopeLogs }) as object)).finish()
    const last = resource === undefined ? [] : [part.encode(part.create(toProto({ resource }) as object)).finish()]
    const body = Buffer.concat([scopes, ...last])
    return [Buffer.from([0x0a]), varint(body.length), body]
  })
  return Buffer.concat(pieces)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** OTLP/JSON: hex ids, 64-bit integers as text, base64 for other bytes. */
export function encodeJson(request: Request): Buffer {
  const toJson = (key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return value.toString()
    if (value instanceof Uint8Array) return Buffer.from(value).toString(key === 'bytesValue' ? 'base64' : 'hex')
    if (Array.isArray(value)) return value.map((inner) => toJson('', inner))
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toJson(name, inner)]))
  }
  return Buffer.from(JSON.stringify(toJson('', request)))
}

/** A request in protobuf as OTLP/JSON. */
export function jsonOf(body: Uint8Array): Buffer {
  const request = type.toObject(type.decode(body), { longs: String, bytes: String })
  const hexIds = (key: string, value: unknown): unknown =>
    key === 'traceId' || key === 'spanId' ? Buffer.from(String(value), 'base64').toString('hex') : value
  return Buffer.from(JSON.stringify(request, hexIds))
}

interface DecodedValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number
  kvlistValue?: { values?: DecodedPair[] }
}
interface DecodedPair {
  key?: string
  value?: DecodedValue
}
interface DecodedLog {
  timeUnixNano?: string
  body?: DecodedValue
  attributes?: DecodedPair[]
  traceId?: string
  spanId?: string
}

/** What a record says; marks are the reader's own. */
export type Said = Omit<LogRecord, 'marks' | 'marked'>

/** The records of a request, by the generated decoder. */
export function referenceRecords(body: Uint8Array): Said[] {
  const request = type.toObject(type.decode(body), { longs: String, bytes: String, oneofs: false }) as {
    resourceLogs?: { resource?: { attributes?: DecodedPair[] }; scopeLogs?: { logRecords?: DecodedLog[] }[] }[]
  }
  return (request.resourceLogs ?? []).flatMap(({ resource, scopeLogs }) =>
    (scopeLogs ?? []).flatMap(({ logRecords }) =>
      (logRecords ?? []).map((log) => recordOf(log, resource?.attributes ?? [])),
    ),
  )
}

function recordOf(log: DecodedLog, resource: DecodedPair[]): Said {
  const text = log.body?.stringValue ?? ''
  const json = text.startsWith('{') ? parse(text) : undefined
  const entries = [
    ...pairsOf(log.attributes ?? [], 0),
    ...pairsOf(log.body?.kvlistValue?.values ?? [], 0),
    ...jsonPairs(json ?? {}, 0),
    ...pairsOf(resource, 0),
  ]
  const hex = (id: string | undefined, size: number) => {
    const bytes = Buffer.from(id ?? '', 'base64')
    return bytes.length === size ? bytes.toString('hex') : ''
  }
  return {
    timeUs: Number(BigInt(log.timeUnixNano ?? '0') / 1000n),
    traceId: hex(log.traceId, 16),
    spanId: hex(log.spanId, 8),
    text: json === undefined ? text : '',
    values: FIELDS.map((field) => {
      const aliases: readonly string[] = FIELD_ALIASES[field]
      return entries.find(([key, value]) => aliases.includes(key) && value !== '')?.[1] ?? ''
    }),
  }
}

function pairsOf(pairs: DecodedPair[], level: number): [string, string][] {
  return pairs.flatMap(({ key, value }): [string, string][] => {
    if (value?.kvlistValue !== undefined) return level === 0 ? pairsOf(value.kvlistValue.values ?? [], 1) : []
    const plain = value?.stringValue ?? value?.boolValue ?? value?.intValue ?? value?.doubleValue ?? ''
    return [[key ?? '', normal(String(plain))]]
  })
}

function jsonPairs(object: Record<string, unknown>, level: number): [string, string][] {
  return Object.entries(object).flatMap(([key, value]): [string, string][] => {
    if (Array.isArray(value) || value === null) return []
    if (typeof value !== 'object') return [[key, normal(String(value))]]
    return level === 0 ? jsonPairs(value as Record<string, unknown>, 1) : []
  })
}

const normal = (text: string) => (text === '-' || text === 'null' ? '' : text)

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** Every field by name, for messages a person can read. */
export function named(record: Said): Record<string, unknown> {
  const fields = Object.fromEntries(FIELDS.map((field) => [field, record.values[FIELD[field]]]))
  const { timeUs, traceId, spanId, text } = record
  return {
    timeUs,
    traceId,
    spanId,
    text,
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')),
  }
}
