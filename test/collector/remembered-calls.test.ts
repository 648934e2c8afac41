import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sender } from '../../collector/delivery.ts'
import { createAnnotator } from '../../collector/naming/annotate.ts'
import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { FIELD_ALIASES, type Field } from '../../collector/otlp/log-record.ts'
import { DeliveryReader } from '../../collector/read-delivery.ts'
import { envoySource } from '../../collector/sources/envoy.ts'
import type { LogSource } from '../../collector/sources/source.ts'
import { Block, CallRows, encodeRows } from '../../core/block.ts'
import type { Call } from '../../core/call.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { PolicySnapshot } from '../../policy/policy.ts'
import { readRecording } from '../envoy/fixture.ts'
import { declaredWorld, undeclaredWorld } from './naming/world.ts'
import { encode, type Log, type Pair } from './otlp/reference.ts'
import { type Fields, INBOUND, NOW, OUTBOUND } from './sources/records.ts'

const shop = declaredWorld()

const SENDERS: Sender[] = [
  { key: '127.0.0.1', trust: 'verified', identity: '' },
  { key: 'cluster.local/ns/shop/sa/cart', trust: 'claimed', identity: 'cluster.local/ns/shop/sa/cart' },
  { key: '127.0.0.1', trust: 'claimed', identity: '' },
]
/** Reads every record whole. */
const forgetful: LogSource = { name: envoySource.name, read: envoySource.read }

/** All that came of the bodies, in order, by one reader. */
function readAll(
  source: LogSource,
  bodies: readonly { body: Uint8Array; sender: Sender }[],
  policy: () => PolicySnapshot = () => shop,
) {
  const annotator = createAnnotator(policy)
  const reader = new DeliveryReader({
    sources: [source],
    annotator,
    partitions: 1,
    latenessUs: 10 * SECOND,
    limits: DEFAULT_LIMITS,
  })
  const rows = new CallRows()
  return bodies.map(({ body, sender }): { calls: Call[]; rejected: string[] } => {
    const read = reader.read({ body, signal: 'logs', encoding: 'protobuf', sender, received: NOW + SECOND }, rows)
    annotator.directory.know(annotator.directory.take().names)
    const own = read.partitions.get(0)?.rows ?? []
    const block = new Block(encodeRows(rows, [{ id: read.id, rows: own }]))
    return { calls: own.map((_, row) => block.call(row)), rejected: read.rejected.map(({ reason }) => reason) }
  })
}

const pairs = (fields: Fields): Pair[] =>
  Object.entries(fields).map(([field, stringValue]) => ({
    key: FIELD_ALIASES[field as Field][0],
    value: { stringValue },
  }))

interface Said {
  fields: Fields
  agoUs: number
}

function bodyOf(said: readonly Said[], text = ''): Uint8Array {
  const logRecords: Log[] = said.map(({ fields, agoUs }, i) => ({
    timeUnixNano: BigInt(NOW + i - agoUs) * 1000n,
    severityNumber: 0,
    severityText: '',
    body: text === '' ? undefined : { stringValue: text },
    attributes: pairs(fields),
    traceId: new Uint8Array(),
    spanId: new Uint8Array(),
  }))
  return encode({ resourceLogs: [{ resource: { attributes: pairs({ k8sPod: 'p' }) }, scopeLogs: [{ logRecords }] }] })
}

const address = fc.constantFrom(
  '10.0.0.11:40001',
  '10.0.0.11:40002',
  '10.0.0.21:5',
  '10.0.0.31',
  '[fd00::1]:80',
  '[fd00::1]:81',
  'fd00::1',
  'fd00::2',
  '::1',
  '127.0.0.1:1',
  'envoy://l/10.0.0.11:7',
  '10.0.0.11:',
  '',
)
const path = fc.constantFrom('/', '/cart/1', '/cart/2?x=1', '/shop.Cart/Get', '/a@b.c/1', '/4f9aK2x93kd0dk3k4k5k6')
const identity = fc.constantFrom('', 'spiffe://cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/shop/sa/job')
const word = fc.constantFrom('', '-', 'GET', 'POST', '200', '403', '503', 'UF', 'x', 'NotSet', 'HTTP/2', 'HTTP/1.1')
const id = fc.oneof(
  fc.uuid(),
  fc.stringMatching(/^[0-9a-f]{32}$/),
  fc.constantFrom('ABCDEF0123456789abcdef0123456789', '0123456789abcdef', 'z'.repeat(32), '-', 'null', '7', 'ié-2'),
  fc.constantFrom(127, 128, 129).map((length) => 'i'.repeat(length)),
)
const oneField: fc.Arbitrary<Fields> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...(Object.keys(FIELD_ALIASES) as Field[])), fc.oneof(word, fc.string({ maxLength: 140 })))
    .map(([field, text]) => ({ [field]: text })),
  fc
    .tuple(
      fc.constantFrom('downstreamRemoteAddress', 'downstreamLocalAddress', 'upstreamHost', 'upstreamLocalAddress'),
      address,
    )
    .map(([field, text]) => ({ [field]: text })),
  path.map((text) => ({ path: text })),
  fc.tuple(fc.constantFrom<Field>('requestId', 'traceId'), id).map(([field, text]) => ({ [field]: text })),
  fc
    .record({ durationUs: fc.constantFrom('', '5', '-1', '7000'), bytesSent: fc.nat(9).map(String) })
    .map((fields) => fields),
)
const GRPC = { ...INBOUND, method: 'POST', protocol: 'HTTP/2' }
const { downstreamPeerUriSan, ...NAMELESS } = INBOUND
const base = fc.constantFrom<Fields>(INBOUND, OUTBOUND, GRPC, NAMELESS)
/** Also from before what the directory remembers. */
const agoUs = fc.constantFrom(0, 0, 0, 1, 25 * MINUTE)
const record: fc.Arbitrary<Said> = fc
  .tuple(base, fc.array(oneField, { maxLength: 3 }), agoUs)
  .map(([fields, changes, ago]) => ({ fields: Object.assign({}, fields, ...changes), agoUs: ago }))

/** Records that differ in one field alone. */
const addressFields = [
  'downstreamRemoteAddress',
  'downstreamLocalAddress',
  'upstreamHost',
  'upstreamLocalAddress',
] as const
const VALUES: Partial<Record<Field, fc.Arbitrary<string>>> = {
  path,
  responseCode: word,
  downstreamPeerUriSan: identity,
  requestId: id,
  traceId: id,
}
const alike: fc.Arbitrary<Said[]> = fc
  .tuple(
    base,
    fc.constantFrom<Field>(...addressFields, 'path', 'responseCode', 'downstreamPeerUriSan', 'requestId', 'traceId'),
  )
  .chain(([fields, field]) => {
    const isAddress = (addressFields as readonly string[]).includes(field)
    const value = isAddress ? address : VALUES[field]!
    return fc.array(
      fc.tuple(value, agoUs).map(([text, ago]) => ({ fields: { ...fields, [field]: text }, agoUs: ago })),
      { minLength: 2, maxLength: 8 },
    )
  })

describe('remembered calls', () => {
  it('are what reading each record whole gives, whatever came before', () => {
    const deliveries = fc.array(
      fc.record({
        said: fc.oneof(fc.array(record, { minLength: 1, maxLength: 6 }), alike),
        sender: fc.constantFrom(...SENDERS),
        text: fc.constantFrom('', 'a line'),
      }),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(deliveries, (given) => {
        const bodies = given.map(({ said, sender, text }) => ({ body: bodyOf(said, text), sender }))
        expect(readAll(envoySource, bodies)).toEqual(readAll(forgetful, bodies))
      }),
      { numRuns: 400 },
    )
  })

  it('of all that a real proxy sent are those of each record by itself', () => {
    const names = readdirSync(join(import.meta.dirname, '../fixtures/envoy')).filter((name) => name.endsWith('.json'))
    const bodies = names.flatMap((name) => readRecording(name.slice(0, -5)).bodies)
    const twice = [...bodies, ...bodies].map((body) => ({ body, sender: SENDERS[0]! }))
    const remembered = readAll(envoySource, twice)
    expect(remembered.flatMap(({ calls }) => calls).length).toBeGreaterThan(100)
    expect(remembered).toEqual(readAll(forgetful, twice))
  })

  it('are forgotten when another policy comes into force', () => {
    let inForce: PolicySnapshot = undeclaredWorld()
    const bodies = [INBOUND, INBOUND].map((fields) => ({
      body: bodyOf([{ fields, agoUs: 0 }]),
      sender: SENDERS[0]!,
    }))
    const [before] = readAll(envoySource, bodies, () => inForce)
    let asked = 0
    const [, after] = readAll(envoySource, bodies, () => {
      asked += 1
      // A record asks three times: what is in force, for names, for the verdict.
      if (asked > 3) inForce = shop
      return inForce
    })
    expect(after!.calls).not.toEqual(before!.calls)
    expect(after!.calls).toEqual(readAll(forgetful, bodies)[1]!.calls)
  })
})
