import { describe, expect, it } from 'vitest'
import type { Sender } from '../../collector/delivery.ts'
import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { DeliveryReader, type ReadDelivery, type ReadingRules } from '../../collector/read-delivery.ts'
import type { LogSource } from '../../collector/sources/source.ts'
import { Block, CallRows, encodeRows } from '../../core/block.ts'
import { type Call, emptyCall } from '../../core/call.ts'
import { SECOND } from '../../core/clock.ts'
import { encode } from './otlp/reference.ts'
import { logs } from './requests.ts'
import { noAnnotator, plainSource } from './running.ts'

const NOW = 1_795_296_000 * SECOND
const local: Sender = { key: '127.0.0.1', trust: 'verified', identity: '' }

function read(body: Uint8Array, sender = local, more: Partial<ReadingRules> = {}): ReadDelivery & { rows: CallRows } {
  const rows = new CallRows()
  const reader = new DeliveryReader({
    sources: [plainSource],
    annotator: noAnnotator,
    partitions: 1,
    latenessUs: 10 * SECOND,
    limits: DEFAULT_LIMITS,
    ...more,
  })
  return { ...reader.read({ body, signal: 'logs', encoding: 'protobuf', sender, received: NOW }, rows), rows }
}

/** The calls of a partition, as a block has them. */
function callsOf({ id, rows, partitions }: ReturnType<typeof read>, partition = 0): Call[] {
  const own = partitions.get(partition)?.rows ?? []
  const block = new Block(encodeRows(rows, [{ id, rows: own }]))
  return own.map((_, row) => block.call(row))
}

const calls = (...args: Parameters<typeof read>): Call[] => callsOf(read(...args))

describe('reading a delivery', () => {
  it('marks as late what came more than the lateness after its end', () => {
    const late = (agoUs: number) => calls(logs(1, 'a', {}, NOW - agoUs))[0]!.late
    expect([late(10 * SECOND), late(10 * SECOND + 1)]).toEqual([false, true])
  })

  it('sets a time more than a minute ahead back to its arrival, and counts it', () => {
    const ahead = read(logs(1, 'a', { duration_us: '500' }, NOW + 61 * SECOND))
    expect(callsOf(ahead)[0]).toMatchObject({ start: NOW - 500, end: NOW, late: false })
    expect(ahead.clamped).toBe(1)
    const bit = read(logs(1, 'a', {}, NOW + 59 * SECOND))
    expect([callsOf(bit)[0]!.end, bit.clamped]).toEqual([NOW + 59 * SECOND, 0])
  })

  it('rejects impossible times, each with its reason', () => {
    const reasons = (attributes: Record<string, string>, timeUs = NOW) =>
      read(logs(1, 'a', attributes, timeUs)).rejected.map(({ reason }) => reason)
    expect(reasons({ duration_us: '-5' })).toEqual(['duration_absurd'])
    expect(reasons({ duration_us: '1e300' })).toEqual(['duration_absurd'])
    expect(reasons({ duration_us: 'x' })).toEqual(['duration_absurd'])
    expect(reasons({}, 1000)).toEqual(['time_absurd'])
  })

  it('believes an mTLS peer about its own side of a call only', () => {
    const peer: Sender = { key: 'd/ns/shop/sa/web', trust: 'claimed', identity: 'd/ns/shop/sa/web' }
    const trust = (side: string, source: string, destination: string) =>
      calls(
        logs(1, 'a', {
          log_name: side,
          downstream_peer_uri_san: `spiffe://d/ns/shop/sa/${source}`,
          downstream_local_uri_san: `spiffe://d/ns/shop/sa/${destination}`,
        }),
        peer,
      )[0]!.trust
    expect(trust('source', 'web', 'cart')).toBe('verified')
    expect(trust('destination', 'web', 'cart')).toBe('claimed')
    expect(trust('source', 'cart', 'web')).toBe('claimed')
    expect(trust('destination', 'cart', 'web')).toBe('verified')
    expect(calls(logs(1), { key: '10.0.0.1', trust: 'claimed', identity: '' })[0]!.trust).toBe('claimed')
  })

  it('asks the sources in order; the first reason stands where none understands', () => {
    const refuse = (name: string): LogSource => ({ name, read: () => ({ reason: name, detail: '' }) })
    const second: LogSource = {
      name: 'second',
      read: () => Object.assign(emptyCall(), { start: NOW, end: NOW, format: 'second' }),
    }
    expect(calls(logs(1), local, { sources: [refuse('first'), second] })[0]!.format).toBe('second')
    expect(read(logs(1), local, { sources: [refuse('first'), refuse('other')] }).rejected[0]!.reason).toBe('first')
  })

  it('partitions by what the annotation says of the destination', () => {
    const declare = (call: Call) => {
      call.destinationService = `of${call.path.at(-1)}.shop`
    }
    const { partitions } = read(logs(100), local, { partitions: 8, annotator: { ...noAnnotator, declare } })
    expect(partitions.size).toBeGreaterThan(3)
  })

  it('bounds the samples of rejected records, in size and in what they may hold', () => {
    const { rejected } = read(logs(2000, `\u001b[31m${'x'.repeat(2000)}`, { method: 'REFUSE' }))
    expect(rejected).toHaveLength(2000)
    expect(rejected[0]!.sample).toContain('\\u001b[31m')
    for (const { sample } of rejected) expect(sample.length).toBeLessThanOrEqual(2048)
    expect(rejected.reduce((sum, { sample }) => sum + sample.length, 0)).toBeLessThan(300_000)
  })

  it('refuses a small body that would become a thousand times its size', () => {
    const method = { key: 'method', value: { stringValue: 'x'.repeat(8000) } }
    const aliases = ['path', 'authority', 'request_id', 'route_name'].map((key) => ({ ...method, key }))
    const log = {
      timeUnixNano: BigInt(NOW) * 1000n,
      severityNumber: 0,
      severityText: '',
      body: undefined,
      attributes: [],
    }
    const record = { ...log, traceId: new Uint8Array(), spanId: new Uint8Array() }
    const scopeLogs = [{ logRecords: Array(5000).fill(record) }]
    const body = encode({ resourceLogs: [{ resource: { attributes: aliases }, scopeLogs }] })
    expect(body.length).toBeLessThan(200_000)
    expect(() => read(body)).toThrow('calls of one request exceed')
  })
})
