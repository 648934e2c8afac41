/** The read-only user against a real engine: each attack must fail, change nothing, reach nobody and show nothing. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOnlyStatement } from '../../../storage/embedded/guard.ts'
import { REFUSED_FUNCTIONS, TABLE_FUNCTIONS } from '../../../storage/embedded/names.ts'
import { noEngine, openStore, type TestStore } from '../store.ts'
import { ALLOWED, refusedStatements } from './attacks.ts'
import { JUDGED_FUNCTIONS } from './judged-functions.ts'
import { askAsReader } from './reader.ts'

const folder = mkdtempSync(join(tmpdir(), 'eastwatch-reader-'))
const secret = join(folder, 'secret.csv')
const out = join(folder, 'out.csv')
writeFileSync(secret, 'top secret\n')

/** Where no query may get. */
let calls = 0
const listener = createServer((socket) => {
  calls += 1
  socket.destroy()
}).listen(0, '127.0.0.1')
await new Promise((resolve) => listener.once('listening', resolve))
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
afterAll(() => listener.close())

/** SQL of hostile and harmless pieces, most of it well formed. */
const { query: hostileStatement } = fc.letrec<{ query: string; expression: string; source: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      '1',
      '*',
      'b',
      `'${secret}'`,
      `'${url}/'`,
      "'INTO OUTFILE'",
      '{x:String}',
      'now()',
      `"${secret}"`,
      'file',
    ),
    fc
      .tuple(
        fc.constantFrom('toString', 'file', 'length', 'FILE', '`file`', 'materialize', 'hasColumnInTable', 'url'),
        tie('expression'),
      )
      .map(([name, of]) => `${name}(${of})`),
    fc
      .tuple(tie('expression'), fc.constantFrom('=', ',', 'IN', 'AS', '/**/', '||', ' -- '), tie('expression'))
      .map((parts) => parts.join(' ')),
    tie('query').map((query) => `(${query})`),
  ),
  source: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      't',
      'numbers(3)',
      'system.one',
      'system.tables',
      'system.processes',
      `'${secret}'`,
      `\`${secret}\``,
      `default.\`${secret}\``,
      `"${url}/"`,
    ),
    fc
      .tuple(fc.constantFrom('file', 'url', 'view', 's3', 'merge', 'executable', 'URL'), tie('expression'))
      .map(([name, of]) => `${name}(${of})`),
    fc.tuple(tie('source'), tie('source')).map(([left, right]) => `${left} CROSS JOIN ${right}`),
    tie('query').map((query) => `(${query})`),
  ),
  query: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    tie('expression').map((of) => `SELECT ${of}`),
    fc.tuple(tie('expression'), tie('source')).map(([of, from]) => `SELECT ${of} FROM ${from} LIMIT 10`),
    fc
      .tuple(fc.constantFrom('DESCRIBE', 'EXPLAIN SELECT * FROM', 'EXISTS', 'SHOW CREATE TABLE'), tie('source'))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(
        tie('query'),
        fc.constantFrom(
          `INTO OUTFILE '${out}'`,
          'SETTINGS readonly = 0',
          'SETTINGS max_execution_time = 1',
          'FORMAT CSV',
          '; DROP TABLE t',
        ),
      )
      .map((parts) => parts.join(' ')),
    fc.tuple(tie('query'), tie('query')).map((parts) => parts.join(' UNION ALL ')),
  ),
}))

describe.skipIf(noEngine())('the read-only user', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore(undefined, { maxSeconds: 2, maxMemoryBytes: 64 * 1024 * 1024, maxResultRows: 1000 })
    await store.client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
    await store.client.command({ query: "INSERT INTO t VALUES (1, 'one')" })
  })
  afterAll(() => store.stop())

  const ask = (sql: string, path?: string) => askAsReader(store, sql, path)

  const expectUnharmed = async () => {
    expect(existsSync(out)).toBe(false)
    expect(calls).toBe(0)
    expect(store.embedded.restarts()).toBe(0)
    expect(await store.rows('SELECT * FROM t')).toEqual([{ a: 1, b: 'one' }])
    expect(await store.rows("SELECT name FROM system.tables WHERE database = 'eastwatch'")).toEqual([{ name: 't' }])
  }

  it.each(refusedStatements({ secret, out, folder, url }))('is refused: %j', async (sql) => {
    for (const path of ['/', '/?database=default']) {
      const { status, text } = await ask(sql, path)
      expect(status, text).toBeGreaterThanOrEqual(400)
      expect(text).toMatch(/^Code: \d+\. DB::Exception: /)
      expect(text).not.toContain('top secret')
    }
    await expectUnharmed()
  })

  it.each(ALLOWED)('may ask: %j', async (sql) => {
    const { status, text } = await ask(sql)
    expect(status, text).toBe(200)
  })

  it('may call no table function of the engine but those of the list, in any form', async () => {
    const names = await store.rows<{ name: string }>('SELECT name FROM system.table_functions')
    expect(names.length).toBeGreaterThan(80)
    const refused = names.map(({ name }) => name).filter((name) => !TABLE_FUNCTIONS.has(name.toLowerCase()))
    expect(refused.length).toBeGreaterThan(70)
    const forms = (name: string) => {
      const call = `${name}('${url}/${secret}', 'CSV', 'a String')`
      return [
        `SELECT * FROM ${call}`,
        `SELECT * FROM \`${name}\`/**/ ('${url}/')`,
        `SELECT * FROM (SELECT 1) AS a, "${name}"\n('${url}/')`,
        `WITH x AS (SELECT * FROM ${call}) SELECT * FROM x`,
        `SELECT 1 IN ${call}`,
        `SELECT 1 JOIN ${call} AS b ON 1`,
        `DESCRIBE TABLE ${call}`,
        `EXPLAIN SELECT * FROM view(SELECT * FROM ${call})`,
      ]
    }
    for (const name of refused) {
      for (const sql of forms(name)) {
        const { status, text } = await ask(sql)
        expect([sql, status, text]).toEqual([sql, 403, expect.stringMatching(/may not use the (table )?function/)])
      }
    }
    await expectUnharmed()
  }, 120_000)

  it('meets no function of the engine that reaches out of a query and was not judged', async () => {
    const found = await store.rows<{ name: string }>(
      `SELECT name FROM system.functions WHERE alias_to = ''
       AND categories IN ('', 'AI', 'Dictionary', 'Embedded Dictionary', 'Internal', 'Introspection', 'Machine Learning', 'Other')`,
    )
    const open = found.map(({ name }) => name).filter((name) => !REFUSED_FUNCTIONS.test(name.toLowerCase()))
    const aliases = await store.rows<{ name: string; alias_to: string }>(
      "SELECT name, alias_to FROM system.functions WHERE alias_to != ''",
    )
    const around = aliases.filter(
      (alias) =>
        REFUSED_FUNCTIONS.test(alias.alias_to.toLowerCase()) && !REFUSED_FUNCTIONS.test(alias.name.toLowerCase()),
    )
    expect(open.filter((name) => !JUDGED_FUNCTIONS.has(name))).toEqual([])
    expect(around).toEqual([])
  })

  it('does no harm by any statement that the guard lets through', async () => {
    let ran = 0
    await fc.assert(
      fc.asyncProperty(hostileStatement, async (sql) => {
        const { status, text } = await ask(sql)
        if (status === 200) ran += 1
        expect(text).not.toContain('top secret')
      }),
      { numRuns: 1_500 },
    )
    // Most of what is made of hostile pieces is refused; what runs shows that the rest of it is SQL.
    expect(ran).toBeGreaterThan(100)
    await expectUnharmed()
  }, 120_000)

  it.each([
    ...['readonly=0', 'readonly=2', 'output_format_schema=/tmp/x', 'max_threads=64', 'allow_ddl=1', 'format_schema=x'],
    ...[
      'max_memory_usage=0',
      'max_execution_time=0',
      'max_execution_time=-1',
      'max_result_rows=x',
      'max_result_bytes=',
    ],
    ...[
      'additional_table_filters=%7B%7D',
      'compress=1',
      'decompress=1',
      'log_comment=x',
      'user=x',
      'database=system',
      'database=SYSTEM',
    ],
    ...[
      'default_format=x%27;DROP',
      'default_format=',
      'param_x%20=1',
      'sql_dialect=prql',
      'stacktrace=1',
      'x_structure=a',
    ],
  ])('may not set %s in the URL', async (setting) => {
    expect((await ask('SELECT 1', `/?${setting}`)).status).toBeGreaterThanOrEqual(400)
  })

  it('gets every format of the engine, and none that hands out memory', async () => {
    const names = await store.rows<{ name: string }>('SELECT name FROM system.formats WHERE is_output')
    expect(names.length).toBeGreaterThan(50)
    for (const { name } of names) {
      expect((await ask('SELECT 1 AS v', `/?default_format=${name}`)).text, name).not.toContain('UNKNOWN_FORMAT')
      expect((await ask(`SELECT 1 AS v FORMAT ${name}`)).text, name).not.toContain('UNKNOWN_FORMAT')
    }
    for (const name of ['DataFrame', 'dataframe', 'ArrowTable', 'Debug', 'Python', 'constructor', 'MySQLDump', 'One']) {
      for (const [sql, path] of [
        ['SELECT 1', `/?default_format=${name}`],
        [`SELECT 1 FORMAT ${name}`, '/'],
      ] as const) {
        expect((await ask(sql, path)).text, name).toMatch(/^Code: (73|399)\. /)
      }
    }
    await expectUnharmed()
  })

  it.each([
    [{ 'X-ClickHouse-Database': 'system' }, '/'],
    [{ 'X-ClickHouse-Format': 'CSV; DROP' }, '/'],
    [{ 'X-ClickHouse-Format': 'DataFrame' }, '/'],
    [{}, `/?query_id=${encodeURIComponent('a\r\nSet-Cookie: x')}`],
    [{}, `/?query_id=${'x'.repeat(201)}`],
    [{}, '/?query=%FF%FE'],
    [{}, '/?query=SELECT%201%3B'],
  ])('is refused what headers and the address smuggle: %j %s', async (headers, path) => {
    const { status, text } = await askAsReader(store, 'SELECT 1', path, headers)
    expect([status >= 400 && status < 500, text]).toEqual([true, expect.stringMatching(/^Code: \d+\. DB::Exception: /)])
    await expectUnharmed()
  })

  it('may ask for less than the limits, in the URL as in the statement, and gets no more', async () => {
    const rows = (path: string, sql = 'SELECT * FROM numbers(100)') => ask(sql, path)
    expect((await rows('/?max_result_rows=10')).text).toContain('Code: 396')
    expect((await rows('/', 'SELECT * FROM numbers(100) SETTINGS max_result_rows = 10')).text).toContain('Code: 396')
    expect((await rows('/?max_result_rows=1000000', 'SELECT * FROM numbers(1001)')).text).toContain('Code: 396')
    expect((await rows('/?max_execution_time=65&limit=3')).text).toBe('0\n1\n2\n')
    const endless = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5'
    const began = performance.now()
    expect((await ask(endless, '/?max_execution_time=1')).text).toContain('maximum: 1000 ms')
    expect((await ask(`${endless} SETTINGS max_execution_time = 3600`)).text).toContain('maximum: 2000 ms')
    expect(performance.now() - began).toBeLessThan(10_000)
  })

  it('parameters are values, not SQL', async () => {
    const injected = encodeURIComponent("x'; DROP TABLE t; --")
    expect((await ask('SELECT {s:String} AS s', `/?param_s=${injected}`)).text).toBe("x\\'; DROP TABLE t; --\n")
    for (const name of [`x'`, 'x = 1, readonly', 'x`', '']) {
      const { status } = await ask('SELECT 1', `/?param_${encodeURIComponent(name)}=2`)
      expect(status, name).toBeGreaterThanOrEqual(400)
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 40 }), async (text) => {
        const { status, text: said } = await ask(
          'SELECT hex({s:String})',
          `/?param_s=${encodeURIComponent(text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n'))}`,
        )
        expect([status, said]).toEqual([200, `${Buffer.from(text).toString('hex').toUpperCase()}\n`])
      }),
      { numRuns: 100 },
    )
    await expectUnharmed()
  })

  it('judges statements as the engine reads them: what it lets through has one meaning', () => {
    const { sql } = readOnlyStatement("SELECT 1 -- '\n, 2 /* ' */ # x '\n, '--'", new Set())
    expect(sql.replace(/\s+/g, ' ')).toBe("SELECT 1 , 2 , '--'")
  })
})
