/** What a client may do to the gRPC listener that no well-behaved library would, over bare HTTP/2. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { logs } from '../requests.ts'
import { EXPORT, grpcClient, type Running, running } from '../running.ts'

let collector: Running
let session: ClientHttp2Session
afterEach(async () => {
  session?.destroy()
  await collector?.stop()
})

async function start(config: Parameters<typeof running>[0] = {}): Promise<void> {
  collector = await running(config)
  session = connect(`http://127.0.0.1:${collector.ports.grpc}`)
}

const GRPC = { ':method': 'POST', ':path': EXPORT.logs, 'content-type': 'application/grpc', te: 'trailers' }

function framed(message: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function open(headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return session.request({ ...GRPC, ...headers })
}

interface Answer {
  http: number
  grpc: number
  message: string
  accepted: string
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const answer = { http: 0, grpc: -1, message: '', accepted: '' }
  const read = (headers: Record<string, unknown>): void => {
    answer.http = Number(headers[':status'] ?? answer.http)
    answer.grpc = Number(headers['grpc-status'] ?? answer.grpc)
    answer.message = decodeURIComponent(String(headers['grpc-message'] ?? answer.message))
    answer.accepted = String(headers['grpc-accept-encoding'] ?? answer.accepted)
  }
  return new Promise((resolve, reject) => {
    stream.on('response', read).on('trailers', read).on('error', reject)
    stream.on('close', () => resolve(answer)).resume()
  })
}

function send(message: Buffer, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  const stream = open(headers)
  stream.end(message)
  return answerOf(stream)
}

describe('gRPC on bare HTTP/2', () => {
  it('says what it does not serve', async () => {
    await start()
    expect(await send(framed(logs(1)), { ':path': '/acme.Service/Größe%20' })).toMatchObject({
      http: 200,
      grpc: status.UNIMPLEMENTED,
      message: 'there is no method /acme.Service/Größe%20',
    })
    expect(await send(framed(logs(1)), { 'content-type': 'application/json' })).toMatchObject({ http: 415 })
    const get = session.request({ ':path': EXPORT.logs, 'content-type': 'application/grpc' })
    expect(await answerOf(get)).toMatchObject({ http: 405 })
    expect(await send(framed(logs(1), 1), { 'grpc-encoding': 'zstd' })).toMatchObject({
      grpc: status.UNIMPLEMENTED,
      message: 'grpc-encoding zstd is not served: this collector knows identity,gzip,deflate',
      accepted: 'identity,gzip,deflate',
    })
    expect(collector.bus.published).toEqual([])
  })

  it('refuses what is no message, and goes on with the same connection', async () => {
    await start()
    const broken = [
      Buffer.alloc(0),
      Buffer.from([0, 0, 0]),
      framed(logs(1)).subarray(0, 40),
      framed(logs(1), 1),
      framed(logs(1), 7),
      Buffer.concat([framed(logs(1)), framed(logs(1))]),
    ]
    for (const bytes of broken) expect(await send(bytes)).toMatchObject({ grpc: status.INVALID_ARGUMENT })
    const gzip = { 'grpc-encoding': 'gzip' }
    expect(await send(framed(Buffer.from('no gzip'), 1), gzip)).toMatchObject({
      grpc: status.INVALID_ARGUMENT,
      message: 'gzip cannot be read',
    })
    expect(await send(framed(gzipSync(logs(2)), 1), gzip)).toMatchObject({ http: 200, grpc: status.OK })
    expect(collector.bus.calls()).toHaveLength(2)
  })

  it('refuses a body by its length, before it has come', async () => {
    await start({ maxBodyBytes: 1000 })
    const stream = open()
    stream.write(Buffer.from([0, 0, 0, 0xff, 0xff]))
    expect(await answerOf(stream)).toMatchObject({ grpc: status.RESOURCE_EXHAUSTED })
  })

  it('counts bytes that are still coming, for each sender, and gives them back when the sender goes', async () => {
    await start({ quotas: { bytesInFlight: 100_000 } })
    await send(framed(logs(1)))
    const stalled = open()
    stalled.on('error', () => {})
    stalled.write(framed(Buffer.alloc(90_000)).subarray(0, 60_000))
    // Answered behind what was sent before it.
    await new Promise((resolve) => session.ping(resolve))
    expect(await send(framed(Buffer.alloc(50_000)))).toMatchObject({
      grpc: status.RESOURCE_EXHAUSTED,
      message: 'sender 127.0.0.1 has 100000 bytes that are not durable yet',
    })
    expect(collector.counts().throttled).toBe(1)
    stalled.close()
    await expect.poll(() => send(framed(logs(300)))).toMatchObject({ grpc: status.OK })
  })

  it('counts bytes that come out of compression while they come', async () => {
    await start({ quotas: { bytesInFlight: 1_000_000 } })
    // Each is allowed by itself; all together they are not.
    const bomb = framed(gzipSync(Buffer.alloc(800_000)), 1)
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(bomb, { 'grpc-encoding': 'gzip' })))
    const throttled = answers.filter(({ grpc }) => grpc === status.RESOURCE_EXHAUSTED)
    expect(throttled.length).toBeGreaterThan(3)
    expect(await send(framed(logs(1)))).toMatchObject({ grpc: status.OK })
  })

  it('puts off what comes from an address that has too much coming', async () => {
    await start()
    const waiting = Array.from({ length: 64 }, () => open())
    for (const stream of waiting) stream.on('error', () => {}).write(Buffer.from([0]))
    const other = grpcClient(collector.ports.grpc)
    await expect.poll(() => other.send(logs(1)).catch(({ details }) => details)).toMatch('too many requests')
    for (const stream of waiting) stream.close()
    await expect.poll(() => other.send(logs(1)).catch(({ details }) => details)).toHaveLength(0)
    other.close()
  })

  it('lets a megabyte of a call, and eight of a connection, be under way', async () => {
    await start()
    await send(framed(logs(1)))
    expect(session.remoteSettings.initialWindowSize).toBe(1024 * 1024)
    await expect.poll(() => session.state.remoteWindowSize ?? 0).toBeGreaterThan(7 * 1024 * 1024)
  })

  it('has the whole connection for what comes after calls whose bodies were never looked at', async () => {
    await start()
    const large = framed(Buffer.alloc(2 * 1024 * 1024))
    // Twice as much as the connection may have under way.
    for (let i = 0; i < 8; i += 1) {
      expect(await send(large, { ':path': '/acme.Service/None' })).toMatchObject({ grpc: status.UNIMPLEMENTED })
    }
    expect(await send(framed(logs(5000)))).toMatchObject({ grpc: status.OK })
  })

  it('is not harmed by what is no HTTP/2', async () => {
    await start()
    const socket = connectTcp(collector.ports.grpc, '127.0.0.1')
    socket.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await new Promise((resolve) => socket.on('close', resolve).resume())
    expect(await send(framed(logs(1)))).toMatchObject({ grpc: status.OK })
  })
})
