import { createHash } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { PipelineError } from '../../../core/errors.ts'
import { MemoryBus } from '../memory-bus.ts'
import { logs } from '../requests.ts'
import { type Running, running } from '../running.ts'

const PROTOBUF = 'application/x-protobuf'
let collector: Running
afterEach(() => collector?.stop())

interface Answer {
  status: number
  headers: Headers
  body: Buffer
}

async function post(body: Uint8Array, headers: Record<string, string> = {}, path = '/v1/logs'): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${collector.ports.http}${path}`, {
    method: 'POST',
    body: Buffer.from(body),
    headers: { 'content-type': PROTOBUF, ...headers },
  })
  return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) }
}

const refusing = (error: Error) => {
  const bus = new MemoryBus()
  bus.gate = () => Promise.reject(error)
  return bus
}

describe('OTLP/HTTP', () => {
  it('takes protobuf and JSON, plain and gzip, and answers alike', async () => {
    collector = await running()
    const json = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795296000000000000"}]}]}]}'
    const plain = await post(logs(3))
    expect([plain.status, plain.headers.get('content-type'), plain.body.length]).toEqual([200, PROTOBUF, 0])
    const zipped = await post(gzipSync(logs(2, 'b')), { 'content-encoding': 'gzip' })
    expect([zipped.status, zipped.body.length]).toEqual([200, 0])
    const text = await post(Buffer.from(json), { 'content-type': 'application/json; charset=utf-8' })
    expect([text.status, text.headers.get('content-type'), text.body.toString()]).toEqual([
      200,
      'application/json',
      '{}',
    ])
    expect(collector.bus.calls()).toHaveLength(6)
  })

  it('accepts an empty request', async () => {
    collector = await running()
    expect((await post(new Uint8Array())).status).toBe(200)
  })

  it('counts spans and data points', async () => {
    collector = await running()
    const span = { resourceSpans: [{ scopeSpans: [{ spans: [{}, {}] }] }] }
    const metric = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum: { dataPoints: [{}] } }, { gauge: {} }] }] }],
    }
    const json = { 'content-type': 'application/json' }
    expect((await post(Buffer.from(JSON.stringify(span)), json, '/v1/traces')).status).toBe(200)
    expect((await post(Buffer.from(JSON.stringify(metric)), json, '/v1/metrics')).status).toBe(200)
    expect(collector.counts().received).toEqual({ logs: 0, traces: 2, metrics: 1 })
  })

  it('tells the sender how many records were rejected, and why; they are kept with their reason', async () => {
    collector = await running()
    const { status, body } = await post(logs(2, 'x', { method: 'REFUSE' }))
    expect(status).toBe(200)
    // partial_success (1) { rejected_log_records (1) = 2, error_message (2) }
    expect(body.subarray(2, 4)).toEqual(Buffer.from([0x08, 2]))
    expect(body.toString()).toContain('refused: the record asks for it')
    expect(collector.bus.rejected()).toMatchObject([
      { reason: 'refused', position: 0, sender: '127.0.0.1', trust: 'verified', signal: 'logs' },
      { reason: 'refused', position: 1 },
    ])
    expect(collector.bus.rejected()[0]!.sample).toContain('REFUSE')
  })

  it('keeps the batch of a record that trips its reader', async () => {
    collector = await running()
    expect((await post(logs(1, 'x', { method: 'BREAK' }))).status).toBe(200)
    expect(collector.bus.rejected()).toMatchObject([{ reason: 'source_failed', detail: 'plain: a bug' }])
  })

  it('refuses another content type or encoding with 415', async () => {
    collector = await running()
    const text = await post(logs(1), { 'content-type': 'text/plain' })
    expect(text.status).toBe(415)
    expect(JSON.parse(text.body.toString())).toMatchObject({ code: 3, message: expect.stringContaining('text/plain') })
    expect((await post(logs(1), { 'content-encoding': 'br' })).status).toBe(415)
  })

  it('refuses what cannot be read with 400 and a google.rpc.Status in the encoding of the request', async () => {
    collector = await running()
    const protobuf = await post(Buffer.from([0x0a, 50, 1]))
    expect([protobuf.status, protobuf.headers.get('content-type')]).toEqual([400, PROTOBUF])
    expect(protobuf.body.subarray(0, 2)).toEqual(Buffer.from([0x08, 3]))
    const json = await post(Buffer.from('{"resourceLogs":7}'), { 'content-type': 'application/json' })
    expect([json.status, JSON.parse(json.body.toString())]).toEqual([
      400,
      { code: 3, message: 'JSON cannot be read: resourceLogs is no array' },
    ])
    expect(collector.bus.published).toEqual([])
  })

  it('refuses broken and truncated gzip with 400', async () => {
    collector = await running()
    const zip = gzipSync(logs(20))
    expect((await post(Buffer.from('no gzip'), { 'content-encoding': 'gzip' })).status).toBe(400)
    expect((await post(zip.subarray(0, zip.length - 12), { 'content-encoding': 'gzip' })).status).toBe(400)
  })

  it('stops inflating a gzip bomb at the limit, and lives on', async () => {
    collector = await running({ maxBodyBytes: 100_000 })
    const bomb = await post(gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' })
    expect(bomb.status).toBe(413)
    expect(bomb.body.toString()).toContain('request body exceeds 100000 bytes after decompression')
    expect((await post(logs(1))).status).toBe(200)
  })

  it('refuses a body over the limit with 413', async () => {
    collector = await running({ maxBodyBytes: 1000 })
    expect((await post(Buffer.alloc(1001))).status).toBe(413)
  })

  it('answers 404 elsewhere and 405 to other methods', async () => {
    collector = await running()
    expect((await post(logs(1), {}, '/v1/profiles')).status).toBe(404)
    const got = await fetch(`http://127.0.0.1:${collector.ports.http}/v1/logs`)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('answers 503 with Retry-After while the bus is full', async () => {
    const error = new PipelineError('bus_full', 'the log is full', { retriable: true, retryAfterMs: 2500 })
    collector = await running({}, { bus: refusing(error) })
    const { status, headers, body } = await post(logs(1))
    expect([status, headers.get('retry-after')]).toEqual([503, '3'])
    expect(body.toString()).toContain('google.rpc.RetryInfo')
    expect(collector.counts().refused).toBe(1)
    collector.bus.gate = async () => {}
  })

  it('answers 503 also to what nobody foresaw, and says nothing of it', async () => {
    collector = await running({}, { bus: refusing(new Error('secret')) })
    const { status, body } = await post(logs(1), { 'content-type': PROTOBUF })
    expect([status, body.includes('secret')]).toEqual([503, false])
    collector.bus.gate = async () => {}
  })

  it('puts off a sender over its rate with 429', async () => {
    collector = await running({ quotas: { recordsPerSecond: 10, burstSeconds: 1 } })
    expect((await post(logs(200))).status).toBe(200)
    const { status, headers } = await post(logs(1))
    expect(status).toBe(429)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(10)
    expect(collector.counts().throttled).toBe(1)
  })

  it('wants a known bearer token where tokens are configured', async () => {
    const sha256 = createHash('sha256').update('open-sesame').digest('hex')
    collector = await running({ tokens: [{ name: 'edge', sha256 }] })
    expect((await post(logs(1))).status).toBe(401)
    expect((await post(logs(1), { authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await post(logs(1), { authorization: 'Bearer open-sesame' })).status).toBe(200)
    expect(collector.bus.calls()[0]!.sender).toBe('edge')
  })

  it('serves no other host name on loopback', async () => {
    collector = await running()
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const { http: port } = collector.ports
        const options = {
          port,
          host: '127.0.0.1',
          path: '/v1/logs',
          method: 'POST',
          headers: { host, 'content-type': PROTOBUF },
        }
        httpRequest(options, (answer: IncomingMessage) => {
          answer.resume()
          resolve(answer.statusCode)
        })
          .on('error', reject)
          .end()
      })
    expect(await ask('attacker.example:4318')).toBe(421)
    expect(await ask('localhost:4318')).toBe(200)
    expect(await ask('[::1]:4318')).toBe(200)
  })

  it('cuts off a client that never finishes its body', async () => {
    collector = await running({ bodyTimeoutMs: 200 })
    const socket = connect(collector.ports.http, '127.0.0.1')
    socket.write(
      `POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${PROTOBUF}\r\nContent-Length: 100\r\n\r\nabc`,
    )
    await new Promise<void>((resolve) => socket.on('close', () => resolve()).resume())
    expect((await post(logs(1))).status).toBe(200)
  })
})
