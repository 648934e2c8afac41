/** The embedded store asked by Grafana's own driver, as its ClickHouse data source asks. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { StorageConfig } from '../../../storage/config.ts'
import { askGrafana, type DataSource, type GrafanaQuery, requireGrafanaPlugin } from '../grafana-plugin.ts'
import { noEngine, openMigrated, READER_PASSWORD, type TestStore } from '../store.ts'

const plugin = await requireGrafanaPlugin()
const missing = noEngine() ?? ('missing' in plugin ? plugin.missing : undefined)
if (missing !== undefined) console.log(`tests with Grafana's driver are skipped: ${missing}`)
const { program } = plugin as { program: string }

const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5'

/** Each type that the schema has or a dashboard makes: the SQL, ClickHouse's name, the value that must arrive. */
const VALUES: [sql: string, type: string, value: unknown][] = [
  ["toDateTime64('2026-01-02 03:04:05.678901', 6, 'UTC')", "DateTime64(6, 'UTC')", '2026-01-02T03:04:05.678901Z'],
  ["toDateTime64('1969-12-31 23:59:59.5', 3, 'UTC')", "DateTime64(3, 'UTC')", '1969-12-31T23:59:59.5Z'],
  ["toDateTime('2026-01-02 03:04:05', 'UTC')", 'DateTime', '2026-01-02T03:04:05Z'],
  ["toDate('2026-01-02')", 'Date', '2026-01-02T00:00:00Z'],
  ["toLowCardinality('shop')", 'LowCardinality(String)', 'shop'],
  ['toLowCardinality(NULL::Nullable(String))', 'LowCardinality(Nullable(String))', null],
  ["[toLowCardinality('a'), toLowCardinality('b')]", 'Array(LowCardinality(String))', ['a', 'b']],
  ["['a', NULL]", 'Array(Nullable(String))', ['a', null]],
  ['[]::Array(Array(UInt16))', 'Array(Array(UInt16))', []],
  ["map('k', 'v', 'l', '')", 'Map(String, String)', { k: 'v', l: '' }],
  [
    "map(toLowCardinality('k'), 18446744073709551615)",
    'Map(LowCardinality(String), UInt64)',
    { k: '18446744073709551615' },
  ],
  ['NULL::Nullable(Float64)', 'Nullable(Float64)', null],
  ['1.5::Nullable(Float64)', 'Nullable(Float64)', 1.5],
  ['18446744073709551615', 'UInt64', '18446744073709551615'],
  ['-9223372036854775808::Int64', 'Int64', '-9223372036854775808'],
  ['170141183460469231731687303715884105727::Int128', 'Int128', '170141183460469231731687303715884105727'],
  ["CAST('denied', 'Enum8(\\'ok\\' = 1, \\'denied\\' = 2)')", "Enum8('ok' = 1, 'denied' = 2)", 'denied'],
  ["(1, 'a')::Tuple(n UInt8, s String)", 'Tuple(n UInt8, s String)', { n: 1, s: 'a' }],
  ["(toUInt8(1), 'a')", 'Tuple(UInt8, String)', [1, 'a']],
  ['true', 'Bool', true],
  ["toUUID('b3c0a7b0-0000-4000-8000-000000000000')", 'UUID', 'b3c0a7b0-0000-4000-8000-000000000000'],
  ["toIPv4('10.42.1.26')", 'IPv4', '10.42.1.26'],
  ["toIPv6('fd00::1')", 'IPv6', 'fd00::1'],
  ['12.25::Decimal(10, 2)', 'Decimal(10, 2)', '12.25'],
  ["'it''s \\\\ a\\t\"tab\" \\0 ü 漢'", 'String', 'it\'s \\ a\t"tab" \0 ü 漢'],
  ['nan', 'Float64', 'NaN'],
]

describe.skipIf(missing !== undefined)('Grafana on the embedded store', () => {
  let store: TestStore
  let source: DataSource
  beforeAll(async () => {
    store = await openMigrated(undefined, { maxSeconds: 2, maxMemoryBytes: 128 * 1024 * 1024, maxResultRows: 300_000 })
    source = { program, url: store.embedded.url, password: READER_PASSWORD }
  })
  afterAll(() => store.stop())

  const rowsOf = async (queries: (string | GrafanaQuery)[], options: Partial<DataSource> = {}) => {
    const asked = queries.map((query) => (typeof query === 'string' ? { sql: query } : query))
    return askGrafana(
      { ...source, ...options },
      asked.map((query) => ({ format: 'rows', ...query })),
    )
  }

  it.each([
    { compression: 'gzip' },
    { compression: 'gzip', settings: ['enable_http_compression=1'] },
    { compression: 'none' },
    { compression: 'deflate' },
    { compression: 'br' },
  ] as const)('connects, pings and reads with %j', async (options) => {
    const answers = await rowsOf(
      [{ format: 'connect' }, 'SELECT 1', "SELECT repeat('x', 1000) FROM numbers(3)"],
      options,
    )
    expect(answers).toEqual([
      { count: 0 },
      expect.objectContaining({ names: ['1'], rows: [[1]] }),
      expect.objectContaining({ rows: Array(3).fill(['x'.repeat(1000)]) }),
    ])
  })

  it.each(['', 'default', 'eastwatch', 'information_schema'])(
    'connects with the default database %j',
    async (database) => {
      const [first] = await rowsOf(['SELECT currentDatabase(), count() > 0 FROM eastwatch.migrations'], { database })
      expect(first?.rows).toEqual([[database === 'information_schema' ? database : 'eastwatch', 1]])
    },
  )

  it('connects as docs/sql.md says', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/sql.md'), 'utf8')
    const [data] = parse(/^```yaml\n(.*?)^```/ms.exec(page)![1]!).datasources
    expect(data).toMatchObject({ type: 'grafana-clickhouse-datasource', jsonData: { protocol: 'http', secure: false } })
    const storage = StorageConfig.parse({})
    expect(data).toMatchObject({
      jsonData: { host: '127.0.0.1', port: storage.port },
      secureJsonData: { password: storage.readerPassword },
    })
    const { username: user, defaultDatabase: database } = data.jsonData
    const [first] = await rowsOf(['SELECT count() > 0 FROM migrations'], { user, database })
    expect(first?.rows).toEqual([[1]])
  })

  it('answers what the query editor asks', async () => {
    const [databases, tables, columns, version, all, every, values, first] = await rowsOf([
      'SHOW DATABASES',
      'SHOW TABLES FROM "eastwatch"',
      'DESC TABLE "eastwatch"."calls"',
      'SELECT version()',
      "SELECT name, type, table FROM system.columns WHERE database = 'eastwatch'",
      'SELECT database, name FROM system.tables ORDER BY database, name',
      'SELECT DISTINCT outcome FROM eastwatch.calls SETTINGS max_execution_time=10',
      'EXPLAIN SELECT count() FROM calls',
    ])
    expect(databases?.rows).toContainEqual(['eastwatch'])
    expect(tables?.rows).toEqual(expect.arrayContaining([['calls'], ['windows'], ['incidents']]))
    expect(columns?.names).toEqual(expect.arrayContaining(['name', 'type', 'comment']))
    expect(columns?.rows?.map(([name]) => name)).toContain('destination_service')
    expect(version?.rows?.[0]?.[0]).toMatch(/^\d+\.\d+\./)
    expect(all?.count).toBeGreaterThan(100)
    expect(every?.rows).toContainEqual(['eastwatch', 'calls'])
    expect(values).toMatchObject({ count: 0 })
    expect(values?.error).toBeUndefined()
    expect(first?.count).toBeGreaterThan(0)
  })

  it('reads every column of every table', async () => {
    const tables = await store.rows<{ name: string }>("SELECT name FROM system.tables WHERE database = 'eastwatch'")
    // The row is of 1970.
    await store.client.command({ query: 'SYSTEM STOP TTL MERGES' })
    for (const { name } of tables) await store.client.insert({ table: name, format: 'JSONEachRow', values: [{}] })
    const answers = await askGrafana(
      source,
      tables.map(({ name }) => ({ sql: `SELECT * FROM ${name} LIMIT 1` })),
    )
    expect(answers.map(({ count, error }) => error ?? count)).toEqual(tables.map(() => 1))
  })

  it('gets values of all types whole', async () => {
    const select = VALUES.map(([sql], at) => `${sql} AS c${at}`).join(', ')
    const [first, frame] = await askGrafana(source, [
      { sql: `SELECT ${select}`, format: 'rows' },
      { sql: `SELECT ${select}` },
    ])
    expect(first?.error).toBeUndefined()
    expect(first?.types?.map((type, at) => [type, first.rows?.[0]?.[at]])).toEqual(
      VALUES.map(([, type, value]) => [type, value]),
    )
    expect(frame?.error).toBeUndefined()
    expect(frame).toMatchObject({ count: 1, frame: { schema: { fields: { length: VALUES.length } } } })
  })

  it('reads 300,000 rows in several blocks, each row once and in order', async () => {
    const sql =
      "SELECT number, toLowCardinality(concat('s', toString(number % 7))) AS s, [number] AS a FROM numbers(300000)"
    for (const settings of [[], ['enable_http_compression=1']]) {
      const [first] = await rowsOf([sql], { settings })
      expect(first?.count).toBe(300_000)
      const wrong = first?.rows?.findIndex(
        ([number, s, a], at) => number !== String(at) || s !== `s${at % 7}` || (a as string[])[0] !== String(at),
      )
      expect(wrong).toBe(-1)
    }
  }, 60_000)

  it('replaces macros, and gives a time series a frame with labels', async () => {
    await store.client.command({
      query: `INSERT INTO windows (start, end, destination_service, requests)
              SELECT toDateTime('2026-03-01 00:00:00') + number * 10 AS start, start + 10, ['cart', 'shop'][number % 2 + 1], number FROM numbers(60)`,
    })
    const [first, macros] = await askGrafana(source, [
      {
        sql: `SELECT $__timeInterval(end) AS time, destination_service, sum(requests) AS requests FROM windows
              WHERE $__timeFilter(end) GROUP BY time, destination_service ORDER BY time`,
        from: '2026-03-01T00:00:00Z',
        to: '2026-03-01T00:05:00Z',
        intervalMs: 60_000,
        timeSeries: true,
      },
      {
        sql: "SELECT $__fromTime AS f, $__toTime AS t, $__fromTime_ms AS fm, $__interval_s AS i, $__timeInterval_ms(now()) AS n WHERE $__dateFilter(toDate('2026-03-01')) AND $__dt(toDate('2026-03-01'), toDateTime('2026-03-01 00:01:00')) AND $__timeFilter_ms(toDateTime64('2026-03-01 00:01:00', 3))",
        from: '2026-03-01T00:00:00Z',
        to: '2026-03-01T00:05:00Z',
        intervalMs: 500,
        format: 'rows',
      },
    ])
    expect(first?.error).toBeUndefined()
    expect(first?.sql).toContain('end >= toDateTime(1772323200) AND end <= toDateTime(1772323500)')
    expect(first?.frame?.schema.fields.map(({ name, type, labels }) => [name, type, labels])).toEqual([
      ['time', 'time', undefined],
      ['requests', 'number', { destination_service: 'cart' }],
      ['requests', 'number', { destination_service: 'shop' }],
    ])
    expect(first?.frame?.data.values[0]).toHaveLength(6)
    expect(macros?.rows?.[0]?.slice(0, 4)).toEqual([
      '2026-03-01T00:00:00Z',
      '2026-03-01T00:05:00Z',
      '2026-03-01T00:00:00Z',
      1,
    ])
  })

  it('is told errors with their code and text, and goes on', async () => {
    const answers = await rowsOf([
      'SELECT nothing_here',
      'SELEC 1',
      'SELECT * FROM nothing_here',
      `SELECT * FROM url('${store.embedded.url}')`,
      'SELECT 1',
    ])
    expect(answers.map(({ error, rows }) => error?.replaceAll('\n', ' ') ?? rows)).toEqual([
      expect.stringMatching(/HTTP 404.*Code: 47\. DB::Exception: .*nothing_here.*UNKNOWN_IDENTIFIER/),
      expect.stringMatching(/HTTP 403.*Code: 497\. .*may not use \\?"SELEC\\?" statements/),
      expect.stringMatching(/HTTP 404.*Code: 60\. .*UNKNOWN_TABLE/),
      expect.stringMatching(/HTTP 403.*Code: 497\. .*the table function url/),
      [[1]],
    ])
  })

  it('is told which limit a query ran into, and goes on', async () => {
    const answers = await rowsOf([
      ENDLESS,
      'SELECT groupArray(number) FROM numbers(100000000)',
      'SELECT * FROM numbers(300001)',
      'SELECT 1 SETTINGS max_threads = 2',
      'SELECT 1',
    ])
    expect(answers.map(({ error, rows }) => /Code: (\d+)/.exec(error ?? '')?.[1] ?? rows)).toEqual([
      '159',
      '241',
      '396',
      '497',
      [[1]],
    ])
    const limited = await rowsOf(['SELECT number FROM numbers(100)'], { settings: ['limit=2'] })
    expect(limited[0]?.rows).toEqual([['0'], ['1']])
    const refused = await rowsOf(['SELECT 1'], { settings: ['max_memory_usage=0'] })
    expect(refused[0]?.error).toContain('max_memory_usage')
  })

  it('ends a query that its user left', async () => {
    const running = () =>
      store.rows<{ n: number }>(`SELECT count() AS n FROM system.processes WHERE query = '${ENDLESS}'`)
    const began = performance.now()
    const asked = rowsOf([{ sql: ENDLESS, cancelMs: 700 }, 'SELECT 1'])
    await expect.poll(running, { timeout: 5_000 }).toEqual([{ n: 1 }])
    const [left, next] = await asked
    expect(left?.error).toContain('context canceled')
    expect(next?.rows).toEqual([[1]])
    await expect.poll(running, { timeout: 1_000 }).toEqual([{ n: 0 }])
    expect(performance.now() - began).toBeLessThan(2_500)
  })

  it('does not get in with a wrong password or without one', async () => {
    for (const [user, password] of [
      ['eastwatch_reader', 'wrong'],
      ['eastwatch_reader', ''],
      ['eastwatch_writer', READER_PASSWORD],
      ['default', ''],
    ] as const) {
      const [first] = await rowsOf([{ format: 'connect' }], { user, password })
      expect(first?.error, `${user}:${password}`).toMatch(/HTTP 401.*Code: 516/s)
      expect(first?.error).not.toContain(READER_PASSWORD)
    }
  })

  it('keeps thirty panels apart that ask at once', async () => {
    const panels = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        rowsOf([`SELECT ${n}, count() FROM numbers(100000) WHERE sipHash64(number) % 3 = 0`, `SELECT ${n}`]),
      ),
    )
    panels.forEach(([, second], n) => {
      expect(second?.rows).toEqual([[n]])
    })
  }, 30_000)
})
