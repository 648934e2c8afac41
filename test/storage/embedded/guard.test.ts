import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOnlyStatement } from '../../../storage/embedded/guard.ts'
import { tokenize } from '../../../storage/embedded/tokens.ts'
import { noEngine, openStore, type TestStore } from '../store.ts'

const folder = mkdtempSync(join(tmpdir(), 'eastwatch-guard-'))
const SECRET = join(folder, 'secret.csv')
const OUT = join(folder, 'out.csv')
writeFileSync(SECRET, 'top secret\n')

/** Each must fail, write nothing, change nothing and show nothing of the secret file. */
const REFUSED = [
  // Not a reading statement.
  "INSERT INTO t VALUES (2, 'x')",
  'CREATE TABLE x (a UInt8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE x (a UInt8)',
  'DROP TABLE t',
  'TRUNCATE TABLE t',
  'ALTER TABLE t DELETE WHERE 1',
  'OPTIMIZE TABLE t',
  'SYSTEM SHUTDOWN',
  'KILL QUERY WHERE 1',
  'SET max_memory_usage = 0',
  'SET readonly = 0',
  'USE system',
  "BACKUP TABLE t TO File('x')",
  'ATTACH TABLE x',
  'GRANT ALL ON *.* TO default',
  '1 + 1',
  '',
  ';;',
  '-- only a comment',
  // Several statements, by every separator.
  'SELECT 1; DROP TABLE t',
  'SELECT 1;;SELECT 2',
  'SELECT 1 /* ; */ ; DROP TABLE t',
  "SELECT ';' ; DROP TABLE t",
  "SELECT '\\'; DROP TABLE t --'; DROP TABLE t",
  "SELECT ''';'; DROP TABLE t",
  // Files written.
  `SELECT 1 INTO OUTFILE '${OUT}'`,
  `SELECT 1 into/**/outfile'${OUT}'`,
  `SELECT 1 INTO -- x\n OUTFILE '${OUT}' TRUNCATE FORMAT CSV`,
  `SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '${OUT}'`,
  `EXPLAIN SELECT 1 INTO OUTFILE '${OUT}'`,
  `SHOW TABLES INTO OUTFILE '${OUT}'`,
  `/* SELECT */ SELECT 1 INTO OUTFILE '${OUT}' AND STDOUT`,
  // Files read.
  `SELECT file('${SECRET}')`,
  `SELECT file ('${SECRET}')`,
  `SELECT file/**/('${SECRET}')`,
  `SELECT \`file\`('${SECRET}')`,
  `SELECT "file"('${SECRET}')`,
  `SELECT "\\x66ile"('${SECRET}')`,
  `SELECT * APPLY(file) FROM (SELECT '${SECRET}')`,
  `SELECT * APPLY file FROM (SELECT '${SECRET}')`,
  `SELECT COLUMNS('x') APPLY(\`file\`) FROM (SELECT '${SECRET}' AS x)`,
  `SELECT arrayMap(file, ['${SECRET}'])`,
  `SELECT * FROM file('${SECRET}', LineAsString)`,
  `SELECT * FROM FILE('${SECRET}', LineAsString)`,
  `SELECT * FROM (SELECT * FROM file('${SECRET}', LineAsString))`,
  `WITH (SELECT file('${SECRET}')) AS x SELECT x`,
  `SELECT 1 IN (SELECT file('${SECRET}'))`,
  `DESCRIBE TABLE file('${SECRET}')`,
  `DESC file('${SECRET}', LineAsString)`,
  `EXPLAIN ESTIMATE SELECT * FROM file('${SECRET}', LineAsString)`,
  `SELECT * FROM default.\`${SECRET}\``,
  `SELECT * FROM \`${SECRET}\``,
  `SELECT * FROM merge('default', '.*secret.*')`,
  `SELECT * FROM view(SELECT * FROM file('${SECRET}', LineAsString))`,
  `SELECT * FROM filesystem('${folder}')`,
  `SELECT catboostEvaluate('${SECRET}', 1)`,
  `SELECT * FROM fileCluster('default', '${SECRET}')`,
  `SELECT * FROM sqlite('${SECRET}', 't')`,
  `SELECT * FROM deltaLakeLocal('${folder}')`,
  `SELECT * FROM icebergLocal('${folder}')`,
  // The network, processes, other tables in disguise.
  "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
  "SELECT * FROM remote('127.0.0.1:1', system.one)",
  "SELECT * FROM remoteSecure('127.0.0.1:1', system.one)",
  "SELECT * FROM s3('http://127.0.0.1:1/x')",
  "SELECT * FROM cluster('default', system.one)",
  "SELECT * FROM clusterAllReplicas('default', system.one)",
  "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
  "SELECT * FROM executable('id', TSV, 'x String')",
  "SELECT * FROM eval('SELECT 1')",
  "SELECT aiGenerate('x', 'y')",
  "SELECT * FROM {f:Identifier}('http://127.0.0.1:1/')",
  'SELECT sleep(3)',
  'SELECT sleepEachRow(1) FROM numbers(10)',
  "SELECT dictGet('d', 'a', 1)",
  // Limits lifted.
  'SELECT 1 SETTINGS max_memory_usage = 0',
  'SELECT * FROM (SELECT number FROM numbers(3) SETTINGS max_execution_time = 0)',
  'SELECT 1 settings/**/readonly=0',
  'SELECT 1 FORMAT CSV SETTINGS max_result_rows = 0',
  'SELECT 1 SETTINGS `max_result_rows` = 0',
  // Text that two lexers might read differently.
  'SELECT $a$ ; DROP TABLE t $a$',
  'SELECT 1 /* /* */ ; DROP TABLE t */',
  'SELECT 1 /* open',
  "SELECT 'open",
  'SELECT \u2018x\u2019',
  'SELECT 1 \u2212 1',
  "SELECT 'a\0b'",
]

/** What people ask; each must run. */
const ALLOWED = [
  'SELECT 1',
  'select 1;',
  '(SELECT 1) UNION ALL (SELECT 2)',
  'WITH 1 AS x SELECT x -- comment; with semicolon',
  "SELECT /* why */ count() FROM t WHERE b = 'it''s; \"fine\" -- really'",
  'SELECT \'INTO OUTFILE\', "b" AS `a b` FROM t',
  'FROM t SELECT a',
  'SHOW TABLES',
  'SHOW CREATE TABLE t',
  'DESCRIBE TABLE t',
  'DESC t',
  'EXISTS TABLE t',
  'EXPLAIN SELECT * FROM t',
  'SELECT * FROM numbers(3)',
  "SELECT * FROM values('a UInt8', 1, 2)",
  'SELECT * FROM system.settings LIMIT 1',
  "SELECT value FROM system.settings WHERE name = 'readonly'",
  "SELECT arraySum([1, 2]), format('{}!', 1), t.1, -1.5e3, a % 2, [1][1] FROM (SELECT (1, 2) AS t, 3 AS a)",
  'SELECT toStartOfHour(now()) AS time, count() FROM t GROUP BY time ORDER BY time WITH FILL STEP INTERVAL 1 HOUR',
  'SELECT DISTINCT ON (b) b FROM t FORMAT JSONEachRow',
  'SELECT a FROM t ORDER BY a LIMIT 1 BY b',
  'SELECT quantile(0.5)(a) OVER (PARTITION BY b) FROM t',
]

describe('tokens', () => {
  it('give back the statement without comments, whatever it holds', () => {
    const pieces = fc.constantFrom(
      'SELECT',
      ' ',
      "'a;b'",
      '`c`',
      '/* d */',
      '-- e\n',
      '1.5',
      '(',
      ')',
      ',',
      "''",
      '"f g"',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const { sql, tokens } = tokenize(parts.join(' '))
        expect(tokens.map(({ from, to }) => sql.slice(from, to))).toEqual(
          parts.flatMap((part) => (/^(\s+|--.*|\/\*.*)$/s.test(part) ? [] : part === '1.5' ? ['1', '.', '5'] : [part])),
        )
        expect(sql).not.toMatch(/\/\*|--/)
      }),
    )
  })

  it('never hang or crash on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          readOnlyStatement(text, new Set(['url']))
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_input' })
        }
      }),
    )
  })
})

describe.skipIf(noEngine())('the read-only user', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openStore(undefined, { maxSeconds: 2, maxMemoryBytes: 64 * 1024 * 1024, maxResultRows: 1000 })
    await store.client.command({ query: 'CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
    await store.client.command({ query: "INSERT INTO t VALUES (1, 'one')" })
  })
  afterAll(() => store.stop())

  const ask = async (sql: string, path = '/') => {
    const answer = await fetch(store.embedded.url + path, {
      method: 'POST',
      body: sql,
      headers: { 'X-ClickHouse-User': 'eastwatch_reader', 'X-ClickHouse-Key': 'reads' },
    })
    return { status: answer.status, text: await answer.text() }
  }

  it.each(REFUSED)('is refused: %j', async (sql) => {
    const { status, text } = await ask(sql)
    expect(status, text).toBeGreaterThanOrEqual(400)
    expect(text).toMatch(/^Code: \d+\. DB::Exception: /)
    expect(text).not.toContain('top secret')
    expect(existsSync(OUT)).toBe(false)
    expect(await store.rows('SELECT * FROM t')).toEqual([{ a: 1, b: 'one' }])
  })

  it.each(ALLOWED)('may ask: %j', async (sql) => {
    const { status, text } = await ask(sql)
    expect(status, text).toBe(200)
  })

  it.each(['max_memory_usage=0', 'readonly=0', 'output_format_schema=/tmp/x', 'max_execution_time=0', 'limit=1'])(
    'may not set %s in the URL',
    async (setting) => {
      expect((await ask('SELECT 1', `/?${setting}`)).status).toBe(403)
    },
  )

  it('parameters are values, not SQL, and cannot name files', async () => {
    const path = encodeURIComponent(SECRET)
    expect((await ask('SELECT * FROM {t:Identifier}', `/?param_t=${path}`)).text).not.toContain('top secret')
    expect((await ask('SELECT * FROM default.{t:Identifier}', `/?param_t=${path}`)).text).not.toContain('top secret')
    const injected = encodeURIComponent("x'; DROP TABLE t; --")
    expect((await ask('SELECT {s:String} AS s', `/?param_s=${injected}`)).text).toBe("x\\'; DROP TABLE t; --\n")
    expect((await ask('SELECT 1', `/?param_x%20=1&param_y'=2`)).status).toBeGreaterThanOrEqual(400)
  })

  it('a query that runs too long ends at the limit, and writes go on meanwhile', async () => {
    const began = performance.now()
    const slow = Promise.all(
      [1, 2, 3].map(() => ask('SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5')),
    )
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
    await store.client.command({ query: 'TRUNCATE TABLE t' })
    await store.client.command({ query: "INSERT INTO t VALUES (1, 'one')" })
  })

  it('a query that wants too much memory or too many rows fails alone', async () => {
    const pid = store.embedded.pid()
    const greedy = await ask('SELECT groupArray(number) FROM numbers(100000000)')
    expect([greedy.status, greedy.text]).toEqual([500, expect.stringContaining('Code: 241')])
    expect((await ask('SELECT number, toString(number) FROM numbers(100000000) ORDER BY 2 DESC')).text).toContain(
      'Code: ',
    )
    expect((await ask('SELECT * FROM numbers(1001)')).text).toContain('Code: 396')
    expect((await ask('SELECT * FROM numbers(1000)')).status).toBe(200)
    expect(store.embedded.pid()).toBe(pid)
    expect(store.embedded.restarts()).toBe(0)
  })

  it('a client that goes away takes its query with it', async () => {
    const abort = new AbortController()
    const gone = fetch(store.embedded.url, {
      method: 'POST',
      body: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5',
      headers: { 'X-ClickHouse-User': 'eastwatch_reader', 'X-ClickHouse-Key': 'reads' },
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
})
