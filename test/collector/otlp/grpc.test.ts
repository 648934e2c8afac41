import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { PipelineError } from '../../../core/errors.ts'
import { createAuthority } from '../../envoy/ca.ts'
import { MemoryBus } from '../memory-bus.ts'
import { logs } from '../requests.ts'
import { EXPORT, type GrpcClient, grpcClient, type Running, running } from '../running.ts'

let collector: Running
let client: GrpcClient
afterEach(async () => {
  client?.close()
  await collector?.stop()
})

const start = async (...args: Parameters<typeof running>) => {
  collector = await running(...args)
  client = grpcClient(collector.ports.grpc)
}

/** google.rpc.RetryInfo among the details. */
const asksToRetry = (error: { metadata: { get(key: string): unknown[] } }) =>
  String(error.metadata.get('grpc-status-details-bin')[0]).includes('google.rpc.RetryInfo')

describe('OTLP/gRPC', () => {
  it('takes logs, traces and metrics', async () => {
    await start()
    expect(await client.send(logs(3))).toHaveLength(0)
    // resource_spans { scope_spans { spans {}, spans {} } }
    expect(await client.send(Buffer.from([0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0]), EXPORT.traces)).toHaveLength(0)
    // resource_metrics { scope_metrics { metrics { sum { data_points {} } } } }
    expect(await client.send(Buffer.from([0x0a, 8, 0x12, 6, 0x12, 4, 0x3a, 2, 0x0a, 0]), EXPORT.metrics)).toHaveLength(
      0,
    )
    expect(collector.counts().received).toEqual({ logs: 3, traces: 2, metrics: 1 })
  })

  it('takes gzip, with the limit after decompression', async () => {
    await start({ maxBodyBytes: 100_000 })
    const zipping = grpcClient(collector.ports.grpc, { gzip: true })
    await zipping.send(logs(10))
    expect(collector.bus.calls()).toHaveLength(10)
    await expect(zipping.send(Buffer.alloc(200_000))).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
    zipping.close()
  })

  it('reads each body by itself, however many come, broken ones and compressed ones among them', async () => {
    await start()
    const zipping = grpcClient(collector.ports.grpc, { gzip: true })
    const marks: string[] = []
    for (let round = 0; round < 4; round += 1) {
      const sent = Array.from({ length: 12 }, async (_, i) => {
        const mark = `${round}-${i}`
        // Of 70 to 280 KB: memory that one left is right for another.
        const body = logs(1000 + 270 * i, mark)
        if (i % 4 === 3) {
          return expect(client.send(body.subarray(0, -1))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT })
        }
        marks.push(...Array.from({ length: 1000 + 270 * i }, (_, at) => `/${mark}/${at}`))
        return (i % 4 === 2 ? zipping : client).send(body)
      })
      await Promise.all(sent)
    }
    expect(
      collector.bus
        .calls()
        .map(({ path }) => path)
        .sort(),
    ).toEqual(marks.sort())
    zipping.close()
  })

  it('acknowledges only when the bus has it', async () => {
    const bus = new MemoryBus()
    let open = () => {}
    bus.gate = () => new Promise((resolve) => (open = resolve))
    await start({}, { bus })
    let acknowledged = false
    const sent = client.send(logs(1)).then(() => (acknowledged = true))
    await expect.poll(() => bus.publications).toBe(1)
    expect(acknowledged).toBe(false)
    bus.gate = async () => {}
    open()
    await sent
    expect(bus.calls()).toHaveLength(1)
  })

  it('answers bad input with INVALID_ARGUMENT and publishes nothing', async () => {
    await start()
    const whole = logs(2)
    await expect(client.send(whole.subarray(0, whole.length - 1))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    })
    expect(collector.bus.published).toEqual([])
  })

  it('answers UNAVAILABLE with RetryInfo while the bus is full', async () => {
    const bus = new MemoryBus()
    bus.gate = () => Promise.reject(new PipelineError('bus_full', 'the log is full', { retriable: true }))
    await start({}, { bus })
    const error = await client.send(logs(1)).catch((e) => e)
    expect([error.code, asksToRetry(error)]).toEqual([status.UNAVAILABLE, true])
    bus.gate = async () => {}
  })

  it('answers a sender over its rate with RESOURCE_EXHAUSTED and RetryInfo, one over the size without', async () => {
    await start({ maxBodyBytes: 50_000, quotas: { recordsPerSecond: 10, burstSeconds: 1 } })
    const large = await client.send(Buffer.alloc(60_000)).catch((e) => e)
    expect([large.code, asksToRetry(large)]).toEqual([status.RESOURCE_EXHAUSTED, false])
    await client.send(logs(100))
    const fast = await client.send(logs(1)).catch((e) => e)
    expect([fast.code, asksToRetry(fast)]).toEqual([status.RESOURCE_EXHAUSTED, true])
  })

  it('wants a known bearer token where tokens are configured', async () => {
    const sha256 = createHash('sha256').update('open-sesame').digest('hex')
    await start({ tokens: [{ name: 'edge', sha256, relay: true }] })
    await expect(client.send(logs(1))).rejects.toMatchObject({ code: status.UNAUTHENTICATED })
    const known = grpcClient(collector.ports.grpc, { token: 'open-sesame' })
    await known.send(logs(1))
    expect(collector.bus.calls()).toMatchObject([{ sender: 'edge', trust: 'verified' }])
    known.close()
  })

  it('gives up on a body that does not come', async () => {
    await start({ bodyTimeoutMs: 100 })
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${collector.ports.grpc}`)
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT.logs,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2]))
    const code = await new Promise((resolve) => {
      stream.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers['grpc-status']))
      stream.on('trailers', (headers) => resolve(headers['grpc-status']))
      stream.resume()
    })
    expect(Number(code)).toBe(status.DEADLINE_EXCEEDED)
    session.destroy()
    await client.send(logs(1))
  })

  it('says which port is in use', async () => {
    await start()
    const grpcAddress = `127.0.0.1:${collector.ports.grpc}`
    await expect(running({ grpcAddress })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringMatching(/collector\.grpcAddress .* is in use/),
    })
    const httpAddress = `127.0.0.1:${collector.ports.http}`
    await expect(running({ httpAddress })).rejects.toMatchObject({ code: 'port_in_use' })
  })

  it('with mTLS, knows the sender by its certificate and refuses one without', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eastwatch-mtls-'))
    try {
      const authority = createAuthority(folder, 'mesh')
      const own = authority.issue('collector', 'spiffe://cluster.local/ns/ops/sa/eastwatch')
      const peer = authority.issue('web', 'spiffe://cluster.local/ns/shop/sa/web')
      const stranger = createAuthority(folder, 'else').issue('web', 'spiffe://cluster.local/ns/shop/sa/web')
      const read = (path: string) => readFileSync(path)
      const tls = {
        certificate: String(read(own.certFile)),
        key: String(read(own.keyFile)),
        clientCa: String(read(authority.caFile)),
      }
      await start({ tls })
      const secure = (certificate?: { certFile: string; keyFile: string }) =>
        grpcClient(collector.ports.grpc, {
          credentials: credentials.createSsl(
            read(authority.caFile),
            certificate === undefined ? null : read(certificate.keyFile),
            certificate === undefined ? null : read(certificate.certFile),
            // The collector's certificate names a workload, not a host.
            { checkServerIdentity: () => undefined },
          ),
        })
      const clients = [secure(peer), secure(stranger), secure()]
      await clients[0]!.send(logs(1))
      expect(collector.bus.calls()[0]!.sender).toBe('cluster.local/ns/shop/sa/web')
      await expect(clients[1]!.send(logs(1))).rejects.toMatchObject({ code: status.UNAVAILABLE })
      await expect(clients[2]!.send(logs(1))).rejects.toMatchObject({ code: status.UNAVAILABLE })
      expect(collector.bus.calls()).toHaveLength(1)
      for (const one of clients) one.close()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
