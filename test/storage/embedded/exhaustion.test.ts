/** Whoever wants too much of the embedded store fails alone: time, memory, rows, connections, bodies, headers, answers not read. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEmbedded } from '../../../storage/embedded/supervisor.ts'
import { ENTRY, LIMITS, noEngine, openStore, quiet, type TestStore, temporaryFolder } from '../store.ts'
import { askAsReader, READER_HEADERS } from './reader.ts'

const MIB = 1024 * 1024
const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5'

/** Files come and go meanwhile, as parts are merged. */
function bytesOf(path: string): number {
  try {
    const found = statSync(path)
    if (!found.isDirectory()) return found.size
    return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

describe.skipIf(noEngine())('the embedded store under too much', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore(undefined, { maxSeconds: 2, maxMemoryBytes: 64 * MIB })
    await store.client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
  })
  afterAll(() => store.stop())

  const ask = (sql: string | Uint8Array, headers?: Record<string, string>) => askAsReader(store, sql, '/', headers)
  const port = () => Number(new URL(store.embedded.url).port)
  /** Memory of its own, not files mapped into it. */
  const memoryMib = () => {
    const status = readFileSync(`/proc/${store.embedded.pid()}/status`, 'utf8')
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
  /** Also of what a query puts aside. */
  const diskMib = () => bytesOf(store.folder) / MIB
  const expectServing = async () => {
    expect((await ask('SELECT 1')).text).toBe('1\n')
    await store.client.command({ query: "INSERT INTO t VALUES (1, 'one')" })
    expect(store.embedded.restarts()).toBe(0)
  }
  const opened = async (text = ''): Promise<Socket> => {
    const socket = connect(port(), '127.0.0.1')
    socket.on('error', () => {
      // It is to be cut off.
    })
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  const head = (length: number) =>
    `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n${Object.entries(READER_HEADERS)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`

  it('a query that runs too long ends at the limit, and writes go on meanwhile', async () => {
    const began = performance.now()
    const slow = Promise.all([1, 2, 3].map(() => ask(ENDLESS)))
    let writes = 0
    let done = false
    slow.finally(() => {
      done = true
    })
    let worst = 0
    while (!done) {
      const at = performance.now()
      await store.client.command({ query: "INSERT INTO t VALUES (2, 'two')" })
      worst = Math.max(worst, performance.now() - at)
      writes += 1
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    for (const { status, text } of await slow)
      expect([status, text]).toEqual([408, expect.stringContaining('Code: 159')])
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(writes).toBeGreaterThan(10)
    expect(worst).toBeLessThan(1_500)
  })

  it.each([
    'SELECT groupArray(number) FROM numbers(100000000)',
    'SELECT number, groupArray(repeat(toString(number), 1000)) FROM numbers(10000000) GROUP BY number',
    'SELECT groupArray(a.number) FROM numbers(1000000) a CROSS JOIN numbers(1000000) b',
    "SELECT repeat('x', 100000000)",
    'SELECT arraySum(range(100000000))',
    'SELECT arrayJoin(range(100000000)) AS x, arrayJoin(range(100000000)) AS y',
    'SELECT length(arrayMap(x -> arraySum(arrayMap(y -> sipHash64(y + x), range(1000))), range(100000)))',
    'SELECT number, toString(number) FROM numbers(100000000) ORDER BY 2 DESC',
    'SELECT uniqExact(number) FROM numbers(1000000000)',
    "SELECT * FROM values('a String', repeat('x', 100000000))",
    'SELECT h3PolygonToCells([(-122.4, 37.8), (-122.3, 37.7), (-122.5, 37.8)], 15)',
    `SELECT 1 AS \`${'x'.repeat(10_000)}\` FROM numbers(100000) FORMAT JSONEachRow`,
  ])('a query that wants too much memory fails alone: %s', async (sql) => {
    const { status, text } = await ask(sql)
    expect([status, text]).toEqual([500, expect.stringContaining('Code: 241')])
    expect(memoryMib()).toBeLessThan(1024)
    expect(diskMib()).toBeLessThan(50)
    await expectServing()
  })

  it.each([
    `SELECT ${'('.repeat(2000)}1${')'.repeat(2000)}`,
    `SELECT ${Array.from({ length: 20_000 }, () => '1').join('+')}`,
    `SELECT ${'NOT '.repeat(30_000)}1`,
    `SELECT ${'['.repeat(3000)}1${']'.repeat(3000)}`,
    `SELECT * FROM ${'(SELECT * FROM '.repeat(300)}numbers(1)${')'.repeat(300)}`,
    `SELECT 1 ${'UNION ALL SELECT 1 '.repeat(20_000)}`,
    `SELECT CAST(1 AS ${'Array('.repeat(5000)}UInt8${')'.repeat(5000)})`,
    `WITH ${Array.from({ length: 26 }, (_, i) => (i === 0 ? '1 AS x0' : `(x${i - 1} + x${i - 1}) AS x${i}`)).join(', ')} SELECT x25`,
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count() FROM r',
  ])('a statement that is too deep or too large fails alone, %#', async (sql) => {
    expect((await ask(sql)).text).toMatch(/^Code: (36|62|167|306|396)\. /)
    await expectServing()
  })

  it('a result of too many rows or bytes is refused in whole', async () => {
    expect((await ask(`SELECT * FROM numbers(${LIMITS.maxResultRows + 1})`)).text).toContain('Code: 396')
    expect((await ask(`SELECT * FROM numbers(${LIMITS.maxResultRows})`)).status).toBe(200)
    expect(
      (await ask('SELECT repeat(toString(number), 1000000) FROM numbers(10) SETTINGS max_result_bytes = 5000000')).text,
    ).toContain('Code: 396')
  })

  it('a client that goes away takes its query with it', async () => {
    const abort = new AbortController()
    const gone = fetch(store.embedded.url, {
      method: 'POST',
      body: ENDLESS,
      headers: READER_HEADERS,
      signal: abort.signal,
    })
    const running = () =>
      store.rows<{ n: number }>(
        "SELECT count() AS n FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers(1%'",
      )
    await expect.poll(running, { timeout: 2_000 }).toEqual([{ n: 1 }])
    abort.abort()
    await expect(gone).rejects.toThrow()
    await expect.poll(running, { timeout: 1_000 }).toEqual([{ n: 0 }])
  })

  it('more queries than may wait are told to come back', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => askAsReader(store, ENDLESS, '/?max_execution_time=0.2')),
    )
    const busy = answers.filter(({ status }) => status === 503)
    expect(busy.length).toBeGreaterThan(0)
    expect(busy[0]?.text).toContain('TOO_MANY_SIMULTANEOUS_QUERIES')
    await expectServing()
  }, 120_000)

  it('connections that say nothing give way: the pipeline and people get in', async () => {
    const idle = await Promise.all(Array.from({ length: 600 }, () => opened()))
    await expectServing()
    // Also those that have begun a request, without a password or with a wrong one.
    const begun = await Promise.all(
      Array.from({ length: 600 }, () =>
        opened('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-ClickHouse-User: eastwatch_writer\r\n'),
      ),
    )
    await expectServing()
    await expect.poll(() => [...idle, ...begun].filter((socket) => !socket.closed).length).toBeLessThanOrEqual(256)
    for (const socket of [...idle, ...begun]) socket.destroy()
  })

  it('the reader’s connections give way to the writer’s', async () => {
    const waiting = await Promise.all(Array.from({ length: 400 }, () => opened(head(100))))
    await store.client.command({ query: "INSERT INTO t VALUES (1, 'one')" })
    await expect.poll(() => waiting.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(256)
    for (const socket of waiting) socket.destroy()
    await expectServing()
  })

  it('senders that never finish hold no place, and are cut off while they send headers', async () => {
    const began = performance.now()
    const headers = await opened('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
    const bodies = await Promise.all(Array.from({ length: 100 }, () => opened(`${head(1000)}SELECT`)))
    const drip = setInterval(() => {
      headers.write('x')
      for (const body of bodies) body.write(' ')
    }, 200)
    await expectServing()
    await expect.poll(() => headers.closed, { timeout: 15_000 }).toBe(true)
    expect(performance.now() - began).toBeGreaterThan(5_000)
    clearInterval(drip)
    for (const body of bodies) body.destroy()
    await expectServing()
  }, 30_000)

  it('a body that nobody reads is cut off soon after the answer', async () => {
    const socket = await opened('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000000\r\n\r\n')
    const drip = setInterval(() => socket.write(Buffer.alloc(65_536)), 20)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /)
    await expect.poll(() => socket.closed, { timeout: 5_000 }).toBe(true)
    clearInterval(drip)
  })

  it('bodies that grow when they are unpacked are cut off at the limit', async () => {
    const before = memoryMib()
    const bomb = gzipSync(Buffer.alloc(128 * MIB, ' '))
    expect(bomb.length).toBeLessThan(MIB)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(bomb, { 'Content-Encoding': 'gzip' })))
    for (const { status, text } of answers)
      expect([status, text]).toEqual([413, expect.stringContaining('262144 bytes')])
    expect(memoryMib() - before).toBeLessThan(128)
    expect((await ask(randomBytes(1000), { 'Content-Encoding': 'gzip' })).status).toBeGreaterThanOrEqual(400)
    expect((await ask(gzipSync('SELECT 7'), { 'Content-Encoding': 'gzip' })).text).toBe('7\n')
    expect((await ask('x', { 'Content-Encoding': 'br' })).text).toContain('use gzip or none')
    // Its rest is read, and the connection serves the next.
    expect((await ask(`SELECT '${'x'.repeat(MIB)}'`)).status).toBe(413)
    expect((await ask(`SELECT length('${'x'.repeat(200_000)}')`)).text).toBe('200000\n')
    await expectServing()
  })

  it('headers and addresses without end are refused', async () => {
    const status = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const asked = request({ port: port(), host: '127.0.0.1', path, headers: { ...READER_HEADERS, ...headers } })
        asked.once('response', (answer) => resolve(answer.resume().statusCode)).once('error', reject)
        asked.end()
      })
    expect(await status('/?query=SELECT%201', {})).toBe(200)
    expect(await status('/?query=SELECT%201', { 'X-Long': 'x'.repeat(300_000) })).toBe(431)
    expect(await status(`/?query=SELECT%20%27${'x'.repeat(300_000)}%27`, {})).toBe(431)
    expect(
      await status('/?query=SELECT%201', Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`X-${n}`, 'x']))),
    ).toBe(400)
    expect(
      await status(`/?query=SELECT%201&${Array.from({ length: 3000 }, (_, n) => `param_p${n}=1`).join('&')}`, {}),
    ).toBe(200)
    await expectServing()
  })

  it('answers that nobody reads are cut off before they fill the memory', async () => {
    const big = "SELECT repeat('x', 1000000) FROM numbers(12)"
    const clients: Socket[] = []
    for (let n = 0; n < 30; n += 1) {
      const client = (await opened(`${head(big.length)}${big}`)).pause()
      clients.push(client)
      await once(client, 'readable')
    }
    expect(memoryMib()).toBeLessThan(1024)
    // The oldest have lost theirs; the newest gets it whole.
    const lengthOf = async (socket: Socket) => {
      let bytes = 0
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      socket.end()
      if (!socket.closed) await once(socket, 'close')
      return bytes
    }
    expect(await lengthOf(clients[0]!)).toBeLessThan(12_000_000)
    expect(await lengthOf(clients.at(-1)!)).toBeGreaterThan(12_000_000)
    for (const client of clients) client.destroy()
    await expectServing()
  }, 60_000)
})

describe.skipIf(noEngine())('a query that nothing can stop', () => {
  it('ends the store process, which is told and started again', async () => {
    const said: unknown[] = []
    const logger = { ...quiet, error: (...words: unknown[]) => said.push(words) } as unknown as typeof quiet
    const store = await startEmbedded({
      entry: ENTRY,
      folder: temporaryFolder(),
      port: 0,
      readerPassword: 'reads',
      limits: { ...LIMITS, maxSeconds: 1 },
      readsAtOnce: 1,
      logger,
    })
    const ask = (body: string) => fetch(store.url, { method: 'POST', body, headers: READER_HEADERS })
    // One call of a function for hours: the engine looks at the clock between blocks.
    const stuck =
      "SELECT max(levenshteinDistance(repeat('a', 65000), repeat('b', 400) || toString(number))) FROM numbers(60000)"
    await expect(ask(stuck)).rejects.toThrow()
    await expect.poll(() => store.restarts(), { timeout: 10_000 }).toBe(1)
    await expect.poll(async () => (await ask('SELECT 1')).text(), { timeout: 10_000 }).toBe('1\n')
    expect(said[0]).toEqual([{ sql: stuck }, expect.stringContaining('storage.query.maxSeconds')])
    await store.stop()
  }, 60_000)
})
