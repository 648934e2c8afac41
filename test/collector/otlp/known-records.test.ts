import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KnownRecord } from '../../../collector/otlp/known-record.ts'
import { MAX_RECORDS } from '../../../collector/otlp/known-records.ts'
import { DEFAULT_LIMITS } from '../../../collector/otlp/limits.ts'
import { FIELD, FIELDS, FLEETING_PORT, type LogRecord, sizeOf, VARYING } from '../../../collector/otlp/log-record.ts'
import { readLogs } from '../../../collector/otlp/read-logs.ts'
import { TextSpan } from '../../../core/block.ts'
import { encode, type Log, named, type Pair, referenceRecords, type Value } from './reference.ts'

interface Seen {
  record: LogRecord
  shape: number
}

function readAll(body: Uint8Array): Seen[] {
  const seen: Seen[] = []
  readLogs(body, DEFAULT_LIMITS, (record, position, _sample, known) => {
    // Half of them are asked for numbers and bytes before, as collector/sources do.
    const size = known === undefined || position % 2 === 0 ? known?.size : sizeOnceRead(known)
    seen.push({
      record: { ...record, values: [...record.values], marks: record.marks.slice() },
      shape: known?.shape ?? 0,
    })
    if (known !== undefined) expect([size, known.size]).toEqual([sizeOf(record), sizeOf(record)])
  })
  return seen
}

/** As collector/sources do: what can be a number or bytes is not asked for as text. */
function sizeOnceRead(known: KnownRecord): number {
  const spans = FIELDS.map((_, field) => {
    const span = new TextSpan()
    return known.numberOf(field) < 0 && known.spanOf(field, span) ? span : undefined
  })
  const { size } = known
  spans.forEach((span, field) => {
    if (span !== undefined) expect(textIn(span)).toBe(known.textOf(field))
  })
  return size
}

function textIn({ source: { view }, from, end }: TextSpan): string {
  return Buffer.from(view.buffer, view.byteOffset + from, end - from).toString('latin1')
}

const requestOf = (resources: readonly { attributes: Pair[]; logRecords: Log[] }[]): Uint8Array =>
  encode({
    resourceLogs: resources.map(({ attributes, logRecords }) => ({
      resource: { attributes },
      scopeLogs: [{ logRecords }],
    })),
  })

const text = (key: string, stringValue: string): Pair => ({ key, value: { stringValue } })
const logOf = (attributes: Pair[], more: Partial<Log> = {}): Log => ({
  timeUnixNano: 1_800_000_000_000_000_000n,
  severityNumber: 0,
  severityText: '',
  body: undefined,
  attributes,
  traceId: new Uint8Array(),
  spanId: new Uint8Array(),
  ...more,
})

/** Few words, so that records come again; some that end a run, or are no plain pair. */
const word = fc.constantFrom('GET', 'GET', '200', '-', '', 'null', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(70))
const long = fc.constantFrom('y'.repeat(200), 'y'.repeat(8000))
const address = fc.constantFrom(
  '10.0.0.1:1',
  '10.0.0.1:22',
  '10.0.0.2:1',
  '10.0.0.1:',
  '[::1]:7',
  '::1',
  '10.0.0.1:1:2',
)
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 12, arbitrary: word.map((stringValue) => ({ stringValue })) },
  { weight: 6, arbitrary: address.map((stringValue) => ({ stringValue })) },
  { weight: 1, arbitrary: long.map((stringValue) => ({ stringValue })) },
  fc.constant({ intValue: 5n }),
  fc.constant({ kvlistValue: { values: [text('method', 'HEAD')] as Pair[] } } as Value),
)
const key = fc.constantFrom(
  'method',
  'request_method',
  'path',
  'authority',
  'downstream_remote_address',
  'downstream_direct_remote_address',
  'upstream_local_address',
  'duration',
  'bytes_sent',
  'nobody_reads_it',
  '',
)
const pairs = fc.array(fc.record({ key, value }), { maxLength: 6 })
const log = fc
  .record({
    attributes: pairs,
    timeUnixNano: fc.constantFrom(0n, 1_800_000_000_000_000_000n),
    body: fc.constantFrom<(Value | undefined)[]>(undefined, undefined, undefined, { stringValue: 'a line' }),
    traceId: fc.constantFrom(new Uint8Array(), new Uint8Array(16).fill(7), new Uint8Array(3)),
  })
  .map(({ attributes, ...more }) => logOf(attributes, more))
const resources = fc.array(fc.record({ attributes: pairs, logRecords: fc.array(log, { maxLength: 8 }) }), {
  maxLength: 3,
})

describe('known records', () => {
  it('are read as a generated decoder reads them, the first time and again', () => {
    let known = 0
    fc.assert(
      fc.property(resources, (made) => {
        const body = requestOf(made)
        const expected = referenceRecords(body).map(named)
        for (let time = 0; time < 3; time += 1) {
          const seen = readAll(body)
          expect(seen.map(({ record }) => named(record))).toEqual(expected)
          known += seen.filter(({ shape }) => shape > 0).length
        }
      }),
      { numRuns: 1000 },
    )
    expect(known).toBeGreaterThan(1000)
  })

  it('agree in all that their shape stands for', () => {
    const fleeting = new Set<string>([...VARYING, ...FLEETING_PORT])
    const first = new Map<number, LogRecord>()
    fc.assert(
      fc.property(resources, (made) => {
        for (const { record, shape } of readAll(requestOf(made))) {
          if (shape === 0) continue
          const before = first.get(shape) ?? record
          first.set(shape, before)
          expect(record.marks).toEqual(before.marks)
          for (const field of FIELDS) {
            if (!fleeting.has(field)) expect(record.values[FIELD[field]]).toBe(before.values[FIELD[field]])
          }
        }
      }),
    )
  })

  it('start afresh when ever more of them find no room, and are read rightly all the while', () => {
    const bodyOf = (pod: number) => {
      const logRecords = Array.from({ length: 30 }, (_, i) => logOf([text('authority', `a${i}`), text('path', '/')]))
      return requestOf([{ attributes: [text('k8s.pod.name', `pod-${pod}`)], logRecords }])
    }
    const isKnown = (body: Uint8Array) => {
      const seen = readAll(body)
      expect(seen.map(({ record }) => named(record))).toEqual(referenceRecords(body).map(named))
      return seen.every(({ shape }) => shape > 0)
    }
    const first = bodyOf(0)
    readAll(first)
    expect(isKnown(first)).toBe(true)
    let pod = 1
    while (isKnown(first)) {
      expect(pod).toBeLessThan((4 * MAX_RECORDS) / 30)
      for (let i = 0; i < 50; i += 1, pod += 1) readAll(bodyOf(pod))
    }
    readAll(first)
    expect(isKnown(first)).toBe(true)
  })

  it('of one node are not kept out by what never comes again', () => {
    const bodyOf = (method: string) => requestOf([{ attributes: [], logRecords: [logOf([text('method', method)])] }])
    for (let i = 0; i < 1000; i += 1) readAll(bodyOf(`M${i}`))
    const get = bodyOf('GET')
    expect(Array.from({ length: 70 }, () => readAll(get)[0]!.shape).at(-1)).toBeGreaterThan(0)
  })
})
