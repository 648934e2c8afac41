/** What the dashboards and docs/sql.md ask, asked of a store that the demo has filled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL, expandQuery, type Values } from '../../bench/grafana-macros.ts'
import { type PanelQuery, panelQueries, rangeOf, variableQueries } from '../../bench/grafana-queries.ts'
import { DASHBOARDS } from '../../dashboards/grafana/registry.ts'
import { textOf } from '../deploy/files.ts'
import { noPipeline } from '../e2e/pipeline.ts'
import { type DemoStore, fillDemoStore } from './demo-store.ts'
import { type Answer, answerOf, expectShape } from './shapes.ts'

const identity = (name: string) => `cluster.local/ns/shop/sa/${name}`
/** Of those pages that are about one source; each panel must have rows for one of these. */
const PAIRS = [
  { source: identity('frontend'), service: 'auth.shop' },
  { source: identity('frontend'), service: 'cart.shop' },
  { source: identity('checkout'), service: 'payment.shop' },
  { source: identity('shipping'), service: 'catalog.shop' },
]
/** Panels that the demo has nothing for, and why. */
const NOTHING: Record<string, string> = {
  'Eastwatch: Pipeline health, Incidents': 'nothing is wrong with the pipeline, and every workload reports',
}
const EXAMPLE_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

describe.skipIf(noPipeline() !== undefined)('on the store that the demo fills', () => {
  let store: DemoStore
  let trace: string
  beforeAll(async () => {
    store = await fillDemoStore()
    const [call] = await store.reader.rows<{ trace_id: string }>(
      "SELECT trace_id FROM calls WHERE trace_id != '' LIMIT 1",
    )
    trace = call!.trace_id
  }, 240_000)
  afterAll(() => store?.close())

  const ask = async (sql: string): Promise<Answer> =>
    answerOf(await store.reader.text(sql, 'JSONCompactEachRowWithNamesAndTypes'))
  const askPanel = (query: PanelQuery, values: Values) =>
    ask(expandQuery(query.target.rawSql, values, rangeOf(query, store.range.from, store.range.to)))
  const valuesFor = (uid: string | undefined): Values[] =>
    uid === 'eastwatch-pair' || uid === 'eastwatch-identity'
      ? PAIRS
      : [
          { service: ALL, trace_id: trace },
          { service: ['auth.shop', 'cart.shop'], trace_id: trace },
        ]

  describe.each(DASHBOARDS.map((one) => [one.title!, one] as const))('%s', (title, dashboard) => {
    it.each(panelQueries(dashboard).map((query) => [query.panel, query.target.refId, query] as const))(
      '%s (%s): rows of the shape of its panel',
      async (panel, _, query) => {
        let most = 0
        for (const values of valuesFor(dashboard.uid)) {
          const answer = await askPanel(query, values)
          expectShape(query, answer)
          most = Math.max(most, answer.rows.length)
        }
        if (NOTHING[`${title}, ${panel}`] === undefined) expect(most).toBeGreaterThan(0)
        else expect(most, 'a reason in NOTHING that holds no more').toBe(0)
      },
    )

    it('its variables have choices', async () => {
      for (const [name, sql] of Object.entries(variableQueries(dashboard))) {
        const { rows } = await ask(expandQuery(sql, PAIRS[0]!, { ...store.range, intervalMs: 10_000 }))
        expect(rows.length, name).toBeGreaterThan(1)
        expect(rows.flat(), name).toContain(PAIRS[0]![name as 'source' | 'service'])
      }
    })

    it('its annotations are incidents with a beginning, an end and a text without tags', async () => {
      const target = dashboard.annotations!.list![0]!.target as unknown as { rawSql: string }
      const { names, types, rows } = await ask(expandQuery(target.rawSql, {}, { ...store.range, intervalMs: 10_000 }))
      expect(names).toEqual(['time', 'timeEnd', 'text', 'title', 'tags', 'id'])
      expect([types[0], types[1]].every((type) => type!.startsWith('DateTime64'))).toBe(true)
      expect(rows.length).toBeGreaterThan(2)
      for (const [time, timeEnd, text] of rows as string[][]) {
        expect(time! <= timeEnd!).toBe(true)
        expect(text).toMatch(/^(critical|high|warning): [^<]+$/)
      }
    })
  })

  const panelOf = (dashboard: string, panel: string, refId = 'A') =>
    DASHBOARDS.filter(({ uid }) => uid === dashboard)
      .flatMap(panelQueries)
      .find((query) => query.panel === panel && query.target.refId === refId)!
  const column = ({ names, rows }: Answer, name: string) => rows.map((row) => row[names.indexOf(name)])

  it('every end of an edge of the service map is a node of it', async () => {
    for (const service of [ALL, ['auth.shop']]) {
      const nodes = column(await askPanel(panelOf('eastwatch-overview', 'Service map', 'nodes'), { service }), 'id')
      const edges = await askPanel(panelOf('eastwatch-overview', 'Service map', 'edges'), { service })
      expect(nodes).toEqual(expect.arrayContaining([...column(edges, 'source'), ...column(edges, 'target')]))
      expect(edges.rows.length).toBeGreaterThan(0)
    }
  })

  it('the planted attacks are seen where one would look for them', async () => {
    const all = { service: ALL }
    const denials = await askPanel(panelOf('eastwatch-overview', 'Denials by deciding policy'), all)
    expect(column(denials, 'decided_by')).toContain('shop/deny-admin')
    const failures = await askPanel(panelOf('eastwatch-overview', 'TLS failures by class'), all)
    expect(column(failures, 'failure')).toEqual(expect.arrayContaining(['unknown_ca', 'expired']))
    const total = await askPanel(panelOf('eastwatch-overview', 'TLS failures'), all)
    const sum = column(failures, 'failures').reduce((so: number, n) => so + Number(n), 0)
    expect(total.rows).toEqual([[sum]])
    const through = await askPanel(panelOf('eastwatch-policy', 'Got through although no policy allows it'), all)
    const pairs = column(through, 'source').map((from, i) => `${from} to ${column(through, 'service')[i]}`)
    expect(pairs).toContain(`${identity('email')} to ledger.shop`)
    const gaps = await askPanel(panelOf('eastwatch-latency', 'Pairs by gap'), all)
    expect([column(gaps, 'source')[0], column(gaps, 'service')[0]]).toEqual([identity('frontend'), 'cart.shop'])
    const addresses = await askPanel(panelOf('eastwatch-identity', 'Addresses and certificates'), PAIRS[2]!)
    expect(column(addresses, 'address_belongs_to')).toContain(identity('recommendation'))
  })

  it('calls of a source hold the handshakes in which it could not be named', async () => {
    for (const page of ['eastwatch-pair', 'eastwatch-identity']) {
      const failed = await askPanel(panelOf(page, 'Calls that failed'), PAIRS[3]!)
      const refused = failed.rows.filter((row) => row[failed.names.indexOf('tls_failure')] === 'expired')
      // Twelve a minute, for two minutes.
      expect(refused).toHaveLength(24)
    }
  })

  it('without an id there are no calls of a trace, and a request id serves as well', async () => {
    const calls = panelOf('eastwatch-trace', 'Calls of the trace or request')
    expect((await askPanel(calls, { trace_id: '' })).rows).toEqual([])
    const ofTrace = await askPanel(calls, { trace_id: trace })
    const [request] = column(ofTrace, 'request_id') as string[]
    expect((await askPanel(calls, { trace_id: request! })).rows).toEqual(ofTrace.rows)
  })

  it('of incidents it is the newest state that is shown', async () => {
    const { rows } = await ask("SELECT countIf(status = 'open'), count() FROM incidents FINAL")
    const open = await askPanel(panelOf('eastwatch-overview', 'Open incidents'), { service: ALL })
    expect((open.rows[0] as number[]).reduce((so, n) => so + n, 0)).toBe(rows[0]![0])
    const listed = await askPanel(panelOf('eastwatch-overview', 'Incidents'), { service: ALL })
    expect(listed.rows).toHaveLength(rows[0]![1] as number)
  })

  const [, cookbook] = textOf('docs/sql.md').split('## Twenty questions\n')
  const questions = [...cookbook!.matchAll(/^(\S.*)\n\n```sql\n([\s\S]*?)```$/gm)].map(
    ([, text, sql]) => [text!, sql!] as const,
  )

  it('docs/sql.md has twenty questions', () => {
    expect(questions).toHaveLength(20)
    expect(new Set(questions.map(([, sql]) => sql)).size).toBe(20)
  })

  it.each(questions)('docs/sql.md: %s', async (_, sql) => {
    expect(sql).toMatch(/^SELECT [\s\S]*\nLIMIT \d+\n$/)
    const { rows } = await ask(sql.replace(EXAMPLE_TRACE, trace))
    expect(rows.length).toBeGreaterThan(0)
  })
})
