import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, type ReadLimits } from '../../../collector/otlp/limits.ts'
import { FIELD, FIELD_ALIASES, type LogRecord } from '../../../collector/otlp/log-record.ts'
import { readLogs } from '../../../collector/otlp/read-logs.ts'
import { readLogsJson } from '../../../collector/otlp/read-logs-json.ts'
import { PipelineError } from '../../../core/errors.ts'
import { readRecording } from '../../envoy/fixture.ts'
import {
  encode,
  encodeJson,
  encodeResourceLast,
  type Log,
  named,
  type Pair,
  type Request,
  referenceRecords,
  type Value,
} from './reference.ts'

type Read = typeof readLogs

function records(body: Uint8Array, read: Read = readLogs, limits: ReadLimits = DEFAULT_LIMITS): LogRecord[] {
  const found: LogRecord[] = []
  const count = read(body, limits, (record, position) => {
    expect(position).toBe(found.length)
    found.push({ ...record, values: [...record.values], marks: record.marks.slice() })
  })
  expect(count).toBe(found.length)
  return found
}

const known = fc.constantFrom(...Object.values(FIELD_ALIASES).flat())
const key = fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: fc.string() })
const text = fc.oneof(
  fc.constantFrom('', '-', 'null', 'GET', '/cart/42', 'nul1', '--'),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
)
const scalar: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: text.map((stringValue) => ({ stringValue })) },
  fc.boolean().map((boolValue) => ({ boolValue })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((intValue) => ({ intValue })),
  fc.double().map((doubleValue) => ({ doubleValue })),
)
const { value, pairs } = fc.letrec<{ value: Value; pairs: Pair[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: scalar },
    fc.uint8Array({ maxLength: 8 }).map((bytesValue) => ({ bytesValue })),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => ({ arrayValue: { values } })),
    tie('pairs').map((values) => ({ kvlistValue: { values } })),
    fc.constant({}),
  ),
  pairs: fc.array(fc.record({ key, value: tie('value') }), { maxLength: 6 }),
}))
const jsonBody = fc
  .dictionary(known, fc.oneof(fc.jsonValue(), fc.string(), fc.dictionary(known, fc.jsonValue(), { maxKeys: 3 })), {
    maxKeys: 6,
    noNullPrototype: true,
  })
  .map((object) => ({ stringValue: JSON.stringify(object) }))
const log: fc.Arbitrary<Log> = fc.record({
  timeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  severityNumber: fc.nat(24),
  severityText: fc.string(),
  body: fc.option(fc.oneof(value, jsonBody, fc.constant({ stringValue: '{"method":' })), { nil: undefined }),
  attributes: pairs,
  traceId: fc.oneof(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array({ maxLength: 20 })),
  spanId: fc.oneof(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.uint8Array({ maxLength: 10 })),
})
const request: fc.Arbitrary<Request> = fc.record({
  resourceLogs: fc.array(
    fc.record({
      resource: fc.option(fc.record({ attributes: pairs }), { nil: undefined }),
      scopeLogs: fc.array(fc.record({ logRecords: fc.array(log, { maxLength: 4 }) }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
})

/** Whatever the bytes: records, or an error that says the input is wrong. */
function readsOrRefuses(body: Uint8Array, read: Read): void {
  try {
    read(body, DEFAULT_LIMITS, () => {})
  } catch (error) {
    expect(error).toBeInstanceOf(PipelineError)
    expect(['bad_input', 'too_large']).toContain((error as PipelineError).code)
  }
}

const one = (log: Partial<Log>, resource?: Pair[]): Request => ({
  resourceLogs: [
    {
      resource: resource === undefined ? undefined : { attributes: resource },
      scopeLogs: [
        {
          logRecords: [
            {
              timeUnixNano: 0n,
              severityNumber: 0,
              severityText: '',
              body: undefined,
              attributes: [],
              traceId: new Uint8Array(),
              spanId: new Uint8Array(),
              ...log,
            },
          ],
        },
      ],
    },
  ],
})
const pair = (name: string, stringValue: string): Pair => ({ key: name, value: { stringValue } })

describe('reader of OTLP logs', () => {
  it('gives what a generated decoder gives', () => {
    fc.assert(
      fc.property(request, (made) => {
        const body = encode(made)
        expect(records(body).map(named)).toEqual(referenceRecords(body).map(named))
      }),
      { numRuns: 1000 },
    )
  })

  it('gives the same where the resource comes after its records', () => {
    fc.assert(
      fc.property(request, (made) => {
        expect(records(encodeResourceLast(made))).toEqual(records(encode(made)))
      }),
    )
  })

  it('gives the same records from JSON as from protobuf', () => {
    fc.assert(
      fc.property(request, (made) => {
        expect(records(encodeJson(made), readLogsJson).map(named)).toEqual(records(encode(made)).map(named))
      }),
      { numRuns: 500 },
    )
  })

  it('reads what a real Envoy sent as a generated decoder does', () => {
    const scenarios = readdirSync(join(import.meta.dirname, '../../fixtures/envoy')).filter((name) =>
      name.endsWith('.json'),
    )
    expect(scenarios.length).toBeGreaterThan(0)
    for (const name of scenarios) {
      for (const body of readRecording(name.slice(0, -5)).bodies)
        expect(records(body).map(named)).toEqual(referenceRecords(body).map(named))
    }
  })

  it('refuses or reads truncated, altered and random bytes, and nothing else happens', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(), fc.nat(255), (made, cut, place, byte) => {
        const body = encode(made)
        readsOrRefuses(body.subarray(0, cut % (body.length + 1)), readLogs)
        if (body.length > 0) body[place % body.length] = byte
        readsOrRefuses(body, readLogs)
        const json = encodeJson(made)
        readsOrRefuses(json.subarray(0, cut % (json.length + 1)), readLogsJson)
        json[place % json.length] = byte
        readsOrRefuses(json, readLogsJson)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        readsOrRefuses(bytes, readLogs)
        readsOrRefuses(bytes, readLogsJson)
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(fc.json(), (json) => readsOrRefuses(Buffer.from(json), readLogsJson)))
  })

  it('refuses a length that reaches past its parent', () => {
    // resource_logs of 4 bytes; inside, scope_logs claims 9.
    expect(() => records(Buffer.from([0x0a, 4, 0x12, 9, 0, 0]))).toThrow(/field of 9 bytes where 2 are left/)
  })

  it('takes the record before the body, and the body before the resource', () => {
    const values = (attributes: Pair[], body: Value, resource: Pair[]) =>
      records(encode(one({ attributes, body }, resource)))[0]!.values[FIELD.method]
    const list = { kvlistValue: { values: [pair('method', 'from-list')] } }
    const json = { stringValue: '{"method":"from-json"}' }
    const resource = [pair('method', 'from-resource')]
    expect(values([pair('request_method', 'own')], list, resource)).toBe('own')
    expect(values([pair('method', '-')], list, resource)).toBe('from-list')
    expect(values([], json, resource)).toBe('from-json')
    expect(values([], {}, resource)).toBe('from-resource')
  })

  it('cuts an overlong value at a character, alike in both encodings', () => {
    const made = one({ attributes: [pair('path', 'é'.repeat(5000))] })
    const cut = 'é'.repeat(4095)
    const limits = { ...DEFAULT_LIMITS, maxValueBytes: 8191 }
    expect(records(encode(made), readLogs, limits)[0]!.values[FIELD.path]).toBe(cut)
    expect(records(encodeJson(made), readLogsJson, limits)[0]!.values[FIELD.path]).toBe(cut)
  })

  it('reads bad UTF-8 as replacement characters: one hostile path does not cost the batch', () => {
    const body = encode(one({ attributes: [pair('path', '/AAAA'), pair('method', 'GET')] }))
    body.fill(0xff, body.indexOf('AAAA'), body.indexOf('AAAA') + 4)
    expect(named(records(body)[0]!)).toMatchObject({ path: '/\ufffd\ufffd\ufffd\ufffd', method: 'GET' })
  })

  it('refuses more records than the limit, naming it', () => {
    const limits = { ...DEFAULT_LIMITS, maxRecords: 2 }
    const made = one({})
    made.resourceLogs[0]!.scopeLogs[0]!.logRecords.push(...one({}).resourceLogs[0]!.scopeLogs[0]!.logRecords)
    expect(records(encode(made), readLogs, limits)).toHaveLength(2)
    made.resourceLogs.push(...one({}).resourceLogs)
    expect(() => records(encode(made), readLogs, limits)).toThrow('more than 2 log records')
    expect(() => records(encodeJson(made), readLogsJson, limits)).toThrow('more than 2 log records')
  })

  it('refuses JSON that is nested too deep or holds too much, before parsing it', () => {
    const deep = (depth: number) => Buffer.from(`{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    expect(records(deep(63), readLogsJson)).toEqual([])
    expect(() => records(deep(64), readLogsJson)).toThrow('nested deeper than 64')
    expect(() => records(deep(1_000_000), readLogsJson)).toThrow('nested deeper than 64')
    const limits = { ...DEFAULT_LIMITS, maxJsonParts: 100 }
    expect(() => records(Buffer.from(`{"x":[${'0,'.repeat(100)}0]}`), readLogsJson, limits)).toThrow(
      'more than 100 parts',
    )
  })

  it('keeps a JSON text body that is too deep as text', () => {
    const stringValue = `{"x":${'['.repeat(100)}${']'.repeat(100)}}`
    expect(records(encode(one({ body: { stringValue } })))[0]!.text).toBe(stringValue)
  })

  it('gives the beginning of a record as its sample', () => {
    const body = encode(one({ attributes: [pair('path', 'x'.repeat(5000))] }))
    readLogs(body, DEFAULT_LIMITS, (_, __, sample) => {
      expect(sample()).toHaveLength(2048)
      expect(sample().toString('latin1')).toContain('path')
    })
  })
})
