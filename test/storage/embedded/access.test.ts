/** Who gets in to the embedded store, from where, and how a driver is greeted. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HELLO, helloBlock } from '../../../storage/embedded/hello.ts'
import { noEngine, openStore, READER_PASSWORD, type TestStore } from '../store.ts'
import { READER_HEADERS } from './reader.ts'

describe.skipIf(noEngine())('access to the embedded store', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore()
  })
  afterAll(() => store.stop())

  const port = () => Number(new URL(store.embedded.url).port)
  /** fetch sets some of these headers itself. */
  const send = (headers: Record<string, string>, path = '/', method = 'POST') =>
    new Promise<{ status: number | undefined; text: string; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        const asked = request({ port: port(), host: '127.0.0.1', path, method, headers }, async (answer) => {
          let text = ''
          for await (const chunk of answer) text += chunk
          resolve({ status: answer.statusCode, text, headers: answer.headers })
        })
        asked.once('error', reject).end(method === 'POST' ? 'SELECT 1' : undefined)
      },
    )
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` })

  it('listens on loopback alone', () => {
    const listening = readFileSync('/proc/net/tcp', 'utf8') + readFileSync('/proc/net/tcp6', 'utf8')
    const hex = port().toString(16).toUpperCase().padStart(4, '0')
    const addresses = listening
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${hex}`))
      .map(([, local]) => local)
    expect(addresses).toEqual([`0100007F:${hex}`])
  })

  it.each([
    ['the reader, Basic', basic(`eastwatch_reader:${READER_PASSWORD}`), 200],
    ['the reader, headers', READER_HEADERS, 200],
    ['nobody', {}, 401],
    ['no password', basic('eastwatch_reader:'), 401],
    ['a user without a colon', basic('eastwatch_reader'), 401],
    ['a wrong password', basic('eastwatch_reader:read'), 401],
    ['a longer password', basic(`eastwatch_reader:${READER_PASSWORD}s`), 401],
    ['another case', basic(`eastwatch_reader:${READER_PASSWORD.toUpperCase()}`), 401],
    ['another user', basic(`default:${READER_PASSWORD}`), 401],
    ['a name of every object', basic(`__proto__:${READER_PASSWORD}`), 401],
    ['the writer with the reader’s password', basic(`eastwatch_writer:${READER_PASSWORD}`), 401],
    ['half of it in headers', { 'X-ClickHouse-User': 'eastwatch_reader' }, 401],
    ['headers before Basic', { 'X-ClickHouse-User': 'x', ...basic(`eastwatch_reader:${READER_PASSWORD}`) }, 401],
    ['a token', { Authorization: `Bearer ${READER_PASSWORD}` }, 401],
    ['no base64', { Authorization: 'Basic !!!' }, 401],
    ['a certificate', { 'X-ClickHouse-User': 'eastwatch_reader', 'X-ClickHouse-SSL-Certificate-Auth': 'on' }, 401],
  ])('%s', async (_, headers, status) => {
    const answer = await send(headers)
    expect(answer.status).toBe(status)
    if (status === 401) {
      expect(answer.text).toBe(
        'Code: 516. DB::Exception: Authentication failed: user or password is wrong. (AUTHENTICATION_FAILED)\n',
      )
      expect(answer.headers['x-clickhouse-exception-code']).toBe('516')
    }
  })

  it('takes no credentials from the address, where they would be logged', async () => {
    for (const path of [`/?user=eastwatch_reader&password=${READER_PASSWORD}`, `/?password=${READER_PASSWORD}`]) {
      expect((await send({}, path)).status).toBe(401)
      const answer = await send(READER_HEADERS, path)
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('credentials in the URL')])
      expect(answer.text).not.toContain(`=${READER_PASSWORD}`)
    }
  })

  it.each(['127.0.0.1', '127.0.0.1:8123', 'localhost', 'localhost:1', '[::1]:8123'])(
    'answers the Host %s',
    async (host) => {
      expect((await send({ ...READER_HEADERS, Host: host })).status).toBe(200)
    },
  )

  it.each([
    ...['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:8123', '10.0.0.1', '0.0.0.0'],
    ...['127.0.0.1@evil.example', 'localhost:8123.evil.example', '127.0.0.1 ', '[::ffff:127.0.0.1]', '2130706433'],
  ])('does not answer the Host %j, which a page may have pointed here', async (host) => {
    const answer = await send({ ...READER_HEADERS, Host: host })
    if (host.trim() === '127.0.0.1') expect(answer.status).toBe(200)
    else expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await send({ Host: host }, '/ping', 'GET').then(({ text }) => text === 'Ok.\n')).toBe(
      host.trim() === '127.0.0.1',
    )
  })

  it('does not answer without a Host', async () => {
    const socket = connect(port(), '127.0.0.1')
    socket.end('GET /ping HTTP/1.0\r\n\r\n')
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 403 /)
  })

  it('does not answer pages of other sites, whatever password they know', async () => {
    for (const site of ['cross-site', 'same-site', 'x']) {
      const answer = await send({ ...READER_HEADERS, 'Sec-Fetch-Site': site })
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('other sites')])
    }
    expect((await send({ ...READER_HEADERS, 'Sec-Fetch-Site': 'none' })).status).toBe(200)
    const preflight = await send(
      { Origin: 'http://evil.example', 'Access-Control-Request-Headers': 'authorization' },
      '/',
      'OPTIONS',
    )
    expect(preflight.status).toBe(405)
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('knows two paths and two methods', async () => {
    for (const path of [
      '/play',
      '/dashboard',
      '/replicas_status',
      '/metrics',
      '//',
      '/ping/',
      '/?/../etc/passwd&x=1',
    ]) {
      expect((await send(READER_HEADERS, path)).status, path).toBeGreaterThanOrEqual(400)
    }
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) {
      expect((await send(READER_HEADERS, '/', method)).status, method).toBe(405)
    }
  })

  it('answers whatever stands in the address and the headers, and goes on', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('', '0', 'default', 'system', '../..', '%', 'null'),
    )
    const name = fc.oneof(
      fc.constantFrom(
        'query',
        'database',
        'default_format',
        'query_id',
        'param_x',
        'limit',
        'max_result_rows',
        'client_protocol_version',
        'session_id',
      ),
      fc.constantFrom(
        '__proto__',
        'constructor',
        'param___proto__',
        'readonly',
        'compress',
        'enable_http_compression',
        'role',
        'password',
      ),
      fc.string({ maxLength: 20 }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, value), { maxLength: 5 }),
        fc.string({ maxLength: 40 }),
        async (pairs, text) => {
          const headers = {
            ...READER_HEADERS,
            'X-ClickHouse-Database': text.replace(/[^ -~]/g, ''),
            'Accept-Encoding': 'gzip',
          }
          const answer = await send(headers, `/?${new URLSearchParams(pairs)}`)
          expect(answer.status).toBeLessThan(600)
          if (answer.status !== 200) expect(answer.text).toMatch(/^Code: \d+\. DB::Exception: /)
        },
      ),
      { numRuns: 300 },
    )
    expect(store.embedded.restarts()).toBe(0)
    expect((await send(READER_HEADERS)).text).toBe('1\n')
  }, 30_000)

  it('answers the hello of a driver as of the revision that it asks for, and names revision 0', async () => {
    const greet = async (revision: number) => {
      const path = `/?default_format=Native&client_protocol_version=${revision}`
      const answer = await fetch(store.embedded.url + path, { method: 'POST', body: HELLO, headers: READER_HEADERS })
      return Buffer.from(await answer.arrayBuffer())
    }
    const greeting = await greet(54460)
    const [{ version, zone } = { version: '', zone: '' }] = await store.rows<{ version: string; zone: string }>(
      'SELECT version() AS version, timezone() AS zone',
    )
    expect(greeting.equals(helloBlock({ name: 'eastwatch', version, timeZone: zone }, 54460))).toBe(true)
    // Before 54454 a column had no byte for its serialisation; without a revision the engine answers for itself.
    expect((await greet(54453)).length).toBe(greeting.length - 4)
    expect((await greet(0)).includes('displayName()')).toBe(true)
    expect((await greet(0)).subarray(0, 2)).toEqual(Buffer.from([4, 1]))
    // Only the reader's, only with the password.
    expect((await send({}, '/?client_protocol_version=54460')).status).toBe(401)
  })
})
