import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../../alerts/notify/endpoint.ts'
import { post } from '../../../alerts/notify/post.ts'
import type { PipelineError } from '../../../core/errors.ts'
import { SECRET, startReceiver, type TestReceiver } from '../findings.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver()
  stops.push(() => started.close())
  return started
}

const MESSAGE = { id: 'm1', body: Buffer.from('{"a":1}'), seconds: 1_800_000_000 }
const forever = new AbortController().signal

function endpoint(url: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { url, secret: SECRET, allowRanges: ['127.0.0.0/8', '::1/128'], timeoutMs: 2_000, ...changes }
}

async function failure(work: Promise<unknown>): Promise<PipelineError> {
  const error = await work.then(
    () => undefined,
    (error: PipelineError) => error,
  )
  expect(error).toBeDefined()
  expect(`${error!.message}${error!.stack}`).not.toContain(SECRET)
  return error!
}

describe('post', () => {
  it.each([
    [200, undefined],
    [202, undefined],
    [204, undefined],
  ])('%i is taken', async (status) => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(status).end()
    expect(await post(endpoint(hook.url), MESSAGE, forever)).toEqual({ status, text: '' })
    expect(hook.received[0]).toMatchObject({ body: '{"a":1}', headers: { 'content-type': 'application/json' } })
  })

  it.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [410, false],
    [413, false],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ])('%i: another attempt is worth it: %s', async (status, retriable) => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(status).end('x'.repeat(1_000))
    const error = await failure(post(endpoint(hook.url), MESSAGE, forever))
    expect(error).toMatchObject({ code: 'delivery_failed', retriable, message: `receiver answered ${status}` })
  })

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['999999999', 3_600_000],
    [new Date(1_800_000_090_000).toUTCString(), 90_000],
    [new Date(1_700_000_000_000).toUTCString(), 0],
    ['soon', undefined],
    ['-5', undefined],
  ])('Retry-After %s is %s ms', async (header, ms) => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(429, { 'retry-after': header }).end()
    const { retryAfterMs } = await failure(post(endpoint(hook.url), MESSAGE, forever))
    expect(retryAfterMs).toBe(ms)
  })

  it('429 that names no time asks for the pause that the service is known for; one that names it is believed', async () => {
    const hook = await receiver()
    const asked = async (headers: Record<string, string>, status = 429) => {
      hook.answer = (response) => response.writeHead(status, headers).end()
      return (await failure(post(endpoint(hook.url), { ...MESSAGE, busyMs: 120_000 }, forever))).retryAfterMs
    }
    expect(await asked({})).toBe(120_000)
    expect(await asked({ 'retry-after': '7' })).toBe(7_000)
    expect(await asked({}, 503)).toBeUndefined()
  })

  it('what a refusal says is told where it is asked for: bounded, harmless, and without what was sent in confidence', async () => {
    const hook = await receiver()
    const authorization = 'Bearer very-private'
    const to = endpoint(hook.url, { authorization, hidden: ['very-private', 'ROUTING'] })
    hook.answer = (response, { headers }) => {
      const repeated = `no: ${headers.authorization} ${SECRET} very-private ROUTING \u001b[2J\n${'x'.repeat(100_000)}`
      response.writeHead(400).end(repeated)
    }
    const { message } = await failure(post(to, { ...MESSAGE, reason: (text) => text }, forever))
    expect(message).toMatch(/^receiver answered 400: no: \(hidden\) \(hidden\) \(hidden\) \(hidden\) \?\[2J x+…$/)
    expect(message.length).toBeLessThan(350)
    const endless = endpoint(hook.url, { timeoutMs: 200 })
    hook.answer = (response) => response.writeHead(400).write('so it begins')
    const cut = await failure(post(endless, { ...MESSAGE, reason: (text) => text }, forever))
    expect(cut).toMatchObject({ retriable: false, message: 'receiver answered 400: so it begins' })
  })

  it('is signed only where there is a secret, and proves who sends where it is told how', async () => {
    const hook = await receiver()
    await post(endpoint(hook.url, { secret: undefined }), MESSAGE, forever)
    await post(endpoint(hook.url, { authorization: 'Bearer t' }), MESSAGE, forever)
    expect(
      hook.received.map(({ headers }) => [headers['webhook-signature'] !== undefined, headers.authorization]),
    ).toEqual([
      [false, undefined],
      [true, 'Bearer t'],
    ])
  })

  it('a redirect is not followed', async () => {
    const inner = await receiver()
    const hook = await receiver()
    for (const status of [301, 302, 303, 307, 308]) {
      hook.answer = (response) => response.writeHead(status, { location: inner.url }).end()
      const error = await failure(post(endpoint(hook.url), MESSAGE, forever))
      expect(error).toMatchObject({
        retriable: false,
        message: `receiver answered ${status}, a redirect, which is not followed`,
      })
    }
    expect(inner.received).toEqual([])
  })

  it('a receiver that does not answer in time is given up, with the limit named', async () => {
    const hook = await receiver()
    hook.answer = () => {}
    const error = await failure(post(endpoint(hook.url, { timeoutMs: 100 }), MESSAGE, forever))
    expect(error).toMatchObject({ retriable: true, message: 'no complete answer within 100 ms' })
  })

  it('a huge or endless answer costs bounded memory and time', async () => {
    const hook = await receiver()
    let written = 0
    hook.answer = (response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const more = () => {
        while (written < 1e9 && !response.destroyed) {
          written += chunk.length
          if (!response.write(chunk)) {
            response.once('drain', more)
            return
          }
        }
      }
      response.writeHead(200)
      more()
    }
    expect(await post(endpoint(hook.url), MESSAGE, forever)).toMatchObject({ status: 200 })
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it('a receiver that is down, breaks off or speaks no HTTP is tried again', async () => {
    const hook = await receiver()
    const { url } = hook
    hook.answer = (response) => response.socket?.destroy()
    expect(await failure(post(endpoint(url), MESSAGE, forever))).toMatchObject({ retriable: true })
    const babbler = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')).listen(0, '127.0.0.1')
    await once(babbler, 'listening')
    stops.push(async () => babbler.close())
    const { port } = babbler.address() as AddressInfo
    expect(await failure(post(endpoint(`http://127.0.0.1:${port}`), MESSAGE, forever))).toMatchObject({
      retriable: true,
    })
    const closed = endpoint('http://127.0.0.1:1/')
    expect(await failure(post(closed, MESSAGE, forever))).toMatchObject({ retriable: true })
  })

  it('goes to the checked address, whatever the name resolves to afterwards, with the name as Host', async () => {
    const hook = await receiver()
    let asked = 0
    const resolve = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.9', family: 4 as const }]
    await post(endpoint(`http://hooks.example:${hook.port}/x`), MESSAGE, forever, resolve)
    expect(asked).toBe(1)
    expect(hook.received[0]?.headers.host).toBe(`hooks.example:${hook.port}`)
  })

  it('a name that resolves to an address out of range is not connected to', async () => {
    const hook = await receiver()
    const resolve = async () => [{ address: '127.0.0.1', family: 4 as const }]
    const guarded = endpoint(`http://hooks.example:${hook.port}/`, { allowRanges: [] })
    expect(await failure(post(guarded, MESSAGE, forever, resolve))).toMatchObject({ code: 'address_refused' })
    expect(hook.received).toEqual([])
  })

  it('a resolver that hangs is bounded by the same limit', async () => {
    const hanging = () => new Promise<never>(() => {})
    const error = await failure(post(endpoint('http://hooks.example/', { timeoutMs: 100 }), MESSAGE, forever, hanging))
    expect(error).toMatchObject({ retriable: true, message: 'no complete answer within 100 ms' })
  })

  it('proxy variables change nothing', async () => {
    const hook = await receiver()
    const names = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'all_proxy', 'NODE_USE_ENV_PROXY']
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : 'http://127.0.0.1:1'
    try {
      expect(await post(endpoint(hook.url), MESSAGE, forever)).toMatchObject({ status: 204 })
    } finally {
      for (const name of names) delete process.env[name]
    }
  })
})
