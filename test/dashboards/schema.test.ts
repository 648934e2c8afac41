/** Every query of the dashboards on the real schema, with nothing in it: columns, and names that are hostile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL, expandQuery, type Values } from '../../bench/grafana-macros.ts'
import { panelQueries, rangeOf, variableQueries } from '../../bench/grafana-queries.ts'
import { DASHBOARDS } from '../../dashboards/grafana/registry.ts'
import { noEngine, openMigrated, type TestStore } from '../storage/store.ts'

const TO = Date.now()
const RANGE = { from: TO - 3_600_000, to: TO, intervalMs: 10_000 }

describe.skipIf(noEngine() !== undefined)('on the schema', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openMigrated()
  })
  afterAll(() => store.stop())

  const columnsOf = async (sql: string): Promise<string[]> => {
    const result = await store.reader.query({ query: sql, format: 'JSONCompactEachRowWithNames' })
    const [names] = await result.json<string[]>()
    return names!
  }
  const expanded = (sql: string, values: Values) => expandQuery(sql, values, RANGE)

  describe.each(DASHBOARDS.map((one) => [one.title, one] as const))('%s', (_, dashboard) => {
    const queries = panelQueries(dashboard)
    const several = dashboard.templating!.list!.some(({ name, includeAll }) => name === 'service' && includeAll)
    it.each(queries.map((query) => [query.panel, query.target.refId, query] as const))(
      '%s (%s)',
      async (...[, , query]) => {
        for (const service of several ? [ALL, ['a.b', 'c.d']] : ['a.b']) {
          const values = { service, source: 'one', trace_id: 'two' }
          const sql = expandQuery(query.target.rawSql, values, rangeOf(query, RANGE.from, RANGE.to))
          const columns = await columnsOf(sql)
          for (const name of query.named) expect(columns, query.panel).toContain(name)
        }
      },
    )

    it('has columns for what its links name', () => {
      for (const panel of dashboard.panels ?? []) {
        const fields = [...JSON.stringify(panel).matchAll(/__data\.fields\.(\w+)/g)].map(([, name]) => name!)
        const sql = JSON.stringify('targets' in panel ? panel.targets : '')
        for (const field of fields) expect(sql, panel.title).toContain(`AS ${field}`)
      }
    })
  })

  it('a column that is not there would be found', async () => {
    const asked = store.store.rows('SELECT no_such_column FROM eastwatch.windows LIMIT 1')
    await expect(asked).rejects.toThrow(/no_such_column/)
  })

  it('a hostile name is one choice, and chosen it finds its own rows and no others', async () => {
    const names = [
      "x' OR 1=1 --",
      "x\\' OR 1=1 --",
      'x\\',
      "'",
      'x\\x27',
      '$__timeFilter(end)',
      '$__dateFilter(x)',
      '${service}',
      "it's /* not */ a comment",
      'plain',
    ]
    await store.client.insert({
      table: 'windows',
      values: names.map((name, i) => ({
        start: Math.floor(TO / 1000) - 60,
        end: Math.floor(TO / 1000) - 50,
        trust: 'verified',
        source_identity: name,
        destination_service: name,
        destination_identities: ['cluster.local/ns/b/sa/a'],
        requests: 100 + i,
      })),
      format: 'JSONEachRow',
    })
    const identity = DASHBOARDS.find(({ uid }) => uid === 'eastwatch-identity')!
    const choicesOf = async (query: string): Promise<string[]> => {
      const choices = await store.reader.query({ query: expanded(query, {}), format: 'JSONCompactEachRow' })
      return (await choices.json<[string]>()).map(([name]) => name)
    }
    const chosen = await choicesOf(variableQueries(identity).source!)
    expect(chosen).toHaveLength(names.length)
    const overview = DASHBOARDS.find(({ uid }) => uid === 'eastwatch-overview')!
    expect(await choicesOf(variableQueries(overview).service!)).toEqual(chosen)
    const listed = panelQueries(overview).find(({ panel }) => panel.startsWith('What can be judged'))!
    const called = panelQueries(identity).find(({ panel }) => panel === 'Services it calls')!
    const found: number[] = []
    for (const source of chosen) {
      const result = await store.reader.query({
        query: expanded(called.target.rawSql, { source }),
        format: 'JSONEachRow',
      })
      const rows = await result.json<{ source: string; all_requests: string }>()
      expect(rows, source).toHaveLength(1)
      expect(rows[0]!.source).toBe(source)
      found.push(Number(rows[0]!.all_requests))
      const byService = await store.reader.query({
        query: expanded(listed.target.rawSql, { service: [source, 'another'] }),
        format: 'JSONEachRow',
      })
      expect(await byService.json(), source).toMatchObject([{ service: source, all_requests: rows[0]!.all_requests }])
    }
    expect(found.sort()).toEqual(names.map((_, i) => 100 + i))
    expect(chosen).toContain('plain')
  })
})
