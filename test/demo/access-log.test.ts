import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { FIELDS, type LogRecord } from '../../collector/otlp/log-record.ts'
import { readLogs } from '../../collector/otlp/read-logs.ts'
import {
  type AccessLog,
  connectionRecord,
  destinationRecord,
  refusedSourceRecord,
  sourceRecord,
} from '../../demo/access-log.ts'
import { encodeLogs } from '../../demo/otlp.ts'
import { seeded } from '../../demo/random.ts'
import { Traffic } from '../../demo/traffic.ts'
import { readRecording } from '../envoy/fixture.ts'

/** Which fields of a record hold something, and those texts that are not about one call only. */
function shape(record: Pick<LogRecord, 'values'>): string[] {
  const free = new Set(['path', 'requestId', 'traceId', 'traceparent'])
  return FIELDS.filter((field, at) => !free.has(field) && record.values[at] !== '')
}

function read(body: Uint8Array): { values: string[] }[] {
  const records: { values: string[] }[] = []
  readLogs(body, DEFAULT_LIMITS, (record: LogRecord) => {
    records.push({ values: [...record.values] })
  })
  return records
}

const traffic = new Traffic(seeded(1), 1_700_000_000_000_000)
traffic.minute(0, 1, () => {})
const [source, destination] = [traffic.pod('frontend', 0), traffic.pod('cart', 0)]
const route = { method: 'GET', path: '/carts/#', weight: 1 }
const exchange = traffic.call(source, destination, route, 1e6)
const denied = { ...exchange, status: 403, details: 'rbac_access_denied_matched_policy[none]' }
const certificate = traffic.certificate(source, 0)
const handshake = { destination, sourceAddress: source.address, certificate, startUs: 1, durationUs: 40_000, port: 1 }

/** Position of a kind of record in a recording: by its method and its cluster. */
const kinds: [string, AccessLog, string, (values: (field: string) => string) => boolean][] = [
  ['allowed_http', sourceRecord(exchange), 'the caller', (v) => v('upstreamCluster').startsWith('outbound')],
  ['allowed_http', destinationRecord(exchange), 'the callee', (v) => v('upstreamCluster').startsWith('inbound')],
  ['allowed_http', connectionRecord(handshake), "the callee's listener", (v) => v('method') === ''],
  ['denied_http', destinationRecord(denied), 'the denying callee', (v) => v('responseCodeDetails').startsWith('rbac')],
  ['client_expired', refusedSourceRecord(exchange), 'the refused caller', (v) => v('responseFlags') === 'UC'],
  [
    'client_expired',
    connectionRecord({ ...handshake, failure: 'TLS_error:x:TLS_error_end' }),
    'the refusing listener',
    (v) => v('downstreamTransportFailureReason') !== '',
  ],
]

describe("the demo's access logs", () => {
  it.each(kinds)('%s: as a real Envoy writes them, by %3$s', (scenario, record, _, isIt) => {
    const real = readRecording(scenario)
      .bodies.flatMap((body) => read(body))
      .find(({ values }) => isIt((field) => values[FIELDS.indexOf(field as (typeof FIELDS)[number])] ?? ''))
    if (real === undefined) throw new Error(`no such record in ${scenario}`)
    expect(shape(read(encodeLogs([record]))[0]!)).toEqual(shape(real))
  })
})
