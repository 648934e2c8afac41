import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noEngine, openStore, READER_PASSWORD, type TestStore } from '../store.ts'

const run = promisify(execFile)

describe.skipIf(noEngine())('the HTTP interface of the embedded store', () => {
  let store: TestStore
  let auth: Record<string, string>

  beforeAll(async () => {
    store = await openStore()
    auth = { 'X-ClickHouse-User': store.embedded.username, 'X-ClickHouse-Key': store.embedded.password }
    await store.client.command({
      query:
        'CREATE TABLE t (a UInt64, b LowCardinality(String)) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
    })
  })
  afterAll(() => store.stop())

  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = auth) =>
    fetch(store.embedded.url + path, { method: 'POST', body, headers })

  it('answers ping without credentials', async () => {
    const answer = await fetch(`${store.embedded.url}/ping`)
    expect([answer.status, await answer.text()]).toEqual([200, 'Ok.\n'])
    expect(await store.reader.ping()).toMatchObject({ success: true })
  })

  it('@clickhouse/client inserts, queries with parameters, and gets compressed answers', async () => {
    const client = createClient({
      url: store.embedded.url,
      username: store.embedded.username,
      password: store.embedded.password,
      database: 'eastwatch',
      compression: { request: true, response: true },
    })
    await client.command({ query: 'CREATE TABLE p (s String, n Int32) ENGINE = MergeTree ORDER BY n' })
    const hostile = 'it\'s \\ a "tab"\there\nand {braces} `ticks` -- /* ; ü 漢'
    await client.insert({ table: 'p', format: 'JSONEachRow', values: [{ s: hostile, n: -7 }] })
    const found = await client.query({
      query: 'SELECT n, s FROM p WHERE s = {s:String} AND n = {n:Int32}',
      query_params: { s: hostile, n: -7 },
      format: 'JSONEachRow',
    })
    expect(await found.json()).toEqual([{ n: -7, s: hostile }])
    const summary = await client.insert({ table: 'p', format: 'JSONEachRow', values: [{ s: 'x', n: 1 }] })
    expect(summary.summary?.written_rows).toBe('1')
    await client.close()
  })

  it('settings and parameters of one query do not reach the next', async () => {
    const limited = store.client.query({
      query: 'SELECT count() FROM numbers(100000) WHERE {p:UInt8} = 1',
      query_params: { p: 1 },
      clickhouse_settings: { max_rows_to_read: '10' },
    })
    await expect(limited).rejects.toMatchObject({ code: '158' })
    expect(await store.rows('SELECT count() AS n FROM numbers(100000)')).toEqual([{ n: 100000 }])
    await expect(store.rows('SELECT {p:UInt8}')).rejects.toMatchObject({ code: '456' })
  })

  it('curl works: query in the URL, in the body, as data behind it', async () => {
    const { url, username, password } = store.embedded
    const user = ['-sS', '-u', `${username}:${password}`]
    const get = await run('curl', [...user, '-G', `${url}/`, '--data-urlencode', 'query=SELECT 1 + 1'])
    expect(get.stdout).toBe('2\n')
    const body = await run('curl', [...user, url, '-d', 'SELECT 3 AS x FORMAT JSONEachRow'])
    expect(JSON.parse(body.stdout)).toEqual({ x: 3 })
    await run('curl', [...user, `${url}/?query=INSERT%20INTO%20t%20FORMAT%20CSV`, '--data-binary', '1000001,"curl"\n'])
    await run('curl', [...user, url, '-d', "INSERT INTO t VALUES (1000002, 'curl')"])
    expect(await store.rows("SELECT a FROM t WHERE b = 'curl' ORDER BY a")).toEqual([{ a: 1000001 }, { a: 1000002 }])
  })

  it.each(['JSON', 'CSVWithNames', 'TabSeparatedWithNamesAndTypes', 'Pretty', 'RowBinary', 'Parquet', 'Native'])(
    'passes format %s through',
    async (format) => {
      const answer = await post(`/?default_format=${format}`, 'SELECT toUInt8(65) AS a')
      const bytes = Buffer.from(await answer.arrayBuffer())
      expect(answer.status).toBe(200)
      expect(bytes.length).toBeGreaterThan(0)
      expect(bytes.includes(format === 'JSON' || format.includes('Names') || format === 'Pretty' ? '65' : 'A')).toBe(
        true,
      )
    },
  )

  it('gives errors as ClickHouse does: code header, text, and a status that tells', async () => {
    const syntax = await post('/', 'SELEC 1')
    expect(syntax.status).toBe(400)
    expect(syntax.headers.get('x-clickhouse-exception-code')).toBe('62')
    expect(await syntax.text()).toMatch(/^Code: 62\. DB::Exception: .*\(SYNTAX_ERROR\)\n$/s)
    expect((await post('/', 'SELECT * FROM nothing_here')).status).toBe(404)
    await expect(store.client.query({ query: 'SELECT nothing_here' })).rejects.toMatchObject({
      code: '47',
      type: 'UNKNOWN_IDENTIFIER',
    })
  })

  it('refuses wrong and missing passwords, credentials in the URL, and foreign Host headers', async () => {
    const statuses = [
      await post('/', 'SELECT 1', {}),
      await post('/', 'SELECT 1', { 'X-ClickHouse-User': 'eastwatch_writer', 'X-ClickHouse-Key': READER_PASSWORD }),
      await post('/', 'SELECT 1', { Authorization: `Basic ${Buffer.from('default:').toString('base64')}` }),
      await post('/?user=eastwatch_reader&password=reads', 'SELECT 1', auth),
    ].map((answer) => answer.status)
    expect(statuses).toEqual([401, 401, 401, 403])
    const { stdout } = await run('curl', ['-sS', '-H', 'Host: evil.example', `${store.embedded.url}/ping`])
    expect(stdout).toContain('ACCESS_DENIED')
  })

  it('the same token twice gives one copy, for binary and text bodies of several blocks', async () => {
    const native = await post(
      '/?default_format=Native',
      "SELECT number AS a, toLowCardinality('native') AS b FROM numbers(5000)",
    )
    const block = Buffer.from(await native.arrayBuffer())
    const insert = (token: string) =>
      store.client.exec({
        query: `INSERT INTO t (a, b) SETTINGS insert_deduplication_token = '${token}' FORMAT Native`,
        values: Readable.from([block, block, block]),
      })
    for (const token of ['one', 'one', 'two', 'one']) (await insert(token)).stream.resume()
    expect(await store.rows("SELECT count() AS n FROM t WHERE b = 'native'")).toEqual([{ n: 30000 }])

    for (const token of ['x', 'x', 'y']) {
      await store.client.insert({
        table: 't',
        format: 'JSONEachRow',
        values: [{ a: 1, b: 'json' }],
        clickhouse_settings: { insert_deduplication_token: token },
      })
    }
    expect(await store.rows("SELECT count() AS n FROM t WHERE b = 'json'")).toEqual([{ n: 2 }])
  })

  it('takes gzip bodies and leaves no spooled file behind, also after a broken one', async () => {
    const rows = Array.from({ length: 10 }, (_, a) => `{"a":${a},"b":"zip"}`).join('\n')
    const path = '/?query=INSERT%20INTO%20t%20FORMAT%20JSONEachRow'
    expect((await post(path, gzipSync(rows), { ...auth, 'Content-Encoding': 'gzip' })).status).toBe(200)
    expect((await post(path, randomBytes(1000), { ...auth, 'Content-Encoding': 'gzip' })).status).not.toBe(200)
    expect((await post(path, '{"a":broken', auth)).status).not.toBe(200)
    expect((await post(path, 'x', { ...auth, 'Content-Encoding': 'br' })).status).not.toBe(200)
    expect(await store.rows("SELECT count() AS n FROM t WHERE b = 'zip'")).toEqual([{ n: 10 }])
    const spooled = ['/dev/shm', join(store.folder, 'clickhouse/spool')].flatMap((folder) => {
      try {
        return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
          basename(name).startsWith(`${store.embedded.pid()}-`),
        )
      } catch {
        return []
      }
    })
    expect(spooled).toEqual([])
  })
})
