/** dashboards/grafana: what is committed is what the sources give, and everything in it fits together. */
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import { panelQueries, variableQueries } from '../../bench/grafana-queries.ts'
import { PLUGIN, PLUGIN_VERSION } from '../../dashboards/grafana/data-source.ts'
import { dashboardFiles, FOLDER } from '../../dashboards/grafana/files.ts'
import { DASHBOARDS } from '../../dashboards/grafana/registry.ts'
import { documentsOf, filesOf, textOf } from '../deploy/files.ts'

const panelsOf = ({ panels = [] }: Dashboard) => panels.filter((one): one is Panel => one.type !== 'row')
const variablesOf = ({ templating }: Dashboard) => (templating?.list ?? []).map(({ name }) => name)
const annotationsOf = ({ annotations }: Dashboard) => annotations?.list ?? []
const sqlOf = (dashboard: Dashboard) => [
  ...panelQueries(dashboard).map(({ target }) => target.rawSql),
  ...Object.values(variableQueries(dashboard)),
  ...annotationsOf(dashboard).map(({ target }) => (target as unknown as { rawSql: string }).rawSql),
]

describe('the committed dashboards', () => {
  it('are what the sources give: npm run dashboards', () => {
    const files = dashboardFiles()
    expect(filesOf(FOLDER)).toEqual(
      Object.keys(files)
        .map((name) => `${FOLDER}/${name}`)
        .sort(),
    )
    for (const [name, text] of Object.entries(files)) expect(textOf(`${FOLDER}/${name}`), name).toBe(text)
  })

  it('have ids and names of their own, and panels that do not lie on each other', () => {
    for (const key of ['uid', 'title'] as const) {
      expect(new Set(DASHBOARDS.map((one) => one[key])).size).toBe(DASHBOARDS.length)
    }
    for (const { title, panels = [] } of DASHBOARDS) {
      expect(new Set(panels.map(({ id }) => id)).size, title).toBe(panels.length)
      const cells = new Set<string>()
      for (const { gridPos, title: panel } of panels) {
        const { x, y, w, h } = gridPos!
        expect(x + w, `${title}, ${panel}`).toBeLessThanOrEqual(24)
        for (let column = x; column < x + w; column += 1) {
          for (let row = y; row < y + h; row += 1) {
            expect(cells.has(`${column} ${row}`), `${title}, ${panel}`).toBe(false)
            cells.add(`${column} ${row}`)
          }
        }
      }
    }
  })

  it('say of each panel what its numbers mean', () => {
    for (const dashboard of DASHBOARDS) {
      for (const { title, description } of panelsOf(dashboard)) expect(description, title).toMatch(/^[A-Z].*\.$/s)
    }
  })

  it('ask the data source of their variable, in the form of the plugin', () => {
    for (const dashboard of DASHBOARDS) {
      for (const { target } of panelQueries(dashboard)) {
        expect(target).toMatchObject({
          datasource: { type: PLUGIN, uid: '${data_source}' },
          editorType: 'sql',
          format: target.queryType === 'timeseries' ? 0 : 1,
          pluginVersion: PLUGIN_VERSION,
        })
      }
      expect(annotationsOf(dashboard)).toHaveLength(1)
    }
  })

  it('bound every query in time and in rows, once for each table it reads', () => {
    for (const sql of DASHBOARDS.flatMap(sqlOf)) {
      expect(sql).toMatch(/\nLIMIT \d+$| LIMIT \d+$/)
      const tables = sql.match(/FROM (calls|windows|paths|findings|incidents|notifications|rejected)\b/g) ?? []
      const bounds = sql.match(/\$__timeFilter(_ms)?\((end|received|window_end|at)\)|opened_at <= \$__toTime_ms/g) ?? []
      expect(tables.length, sql).toBeGreaterThan(0)
      expect(bounds.length, sql).toBeGreaterThanOrEqual(tables.length)
    }
  })

  it('quote every variable in a query, and have every variable they use', () => {
    for (const dashboard of DASHBOARDS) {
      const known = [...variablesOf(dashboard), '__data', '__value', '__field', '__url_time_range']
      for (const sql of sqlOf(dashboard)) {
        const used = [...sql.matchAll(/\$\{(\w+)([^}]*)\}/g)]
        for (const [whole, , format] of used) expect(format, whole).toBe(':singlequote')
      }
      const text = JSON.stringify(dashboard)
      for (const [whole, name] of text.matchAll(/\$\{(\w+)[^}]*\}/g)) expect(known, whole).toContain(name)
      for (const [whole, name] of text.matchAll(/\$__conditionalAll\([^$]*\$\{\w+:singlequote\}[^$]*, \$(\w+)\)/g)) {
        expect(known, whole).toContain(name)
      }
    }
  })

  it('lead to dashboards that are there, with variables that these have, and to the console', () => {
    const byUid = new Map(DASHBOARDS.map((one) => [one.uid, one]))
    const urls = [...JSON.stringify(DASHBOARDS).matchAll(/"url":"([^"]+)"/g)].map(([, url]) => url!)
    expect(urls.filter((url) => url.startsWith('${console_url}/incidents/${__value.raw')).length).toBeGreaterThan(0)
    for (const url of urls.filter((one) => !one.startsWith('${console_url}'))) {
      const [, uid, query] = /^\/d\/([a-z-]+)\?(.*)$/.exec(url)!
      const target = byUid.get(uid)
      expect(target, url).toBeDefined()
      for (const [, name] of query!.matchAll(/var-(\w+)=/g)) expect(variablesOf(target!), url).toContain(name)
      expect(query).toContain('${__url_time_range}')
    }
    for (const uid of ['eastwatch-pair', 'eastwatch-identity', 'eastwatch-trace']) {
      expect(urls.some((url) => url.includes(uid))).toBe(true)
    }
  })
})

describe('provisioning', () => {
  const FILES = 'deploy/grafana/provisioning'
  interface Provided {
    apiVersion: number
    providers: { type: string; options: { path: string }; allowUiUpdates: boolean }[]
    datasources: { uid: string; type: string; jsonData: Record<string, unknown>; secureJsonData: object }[]
  }
  const [dashboards] = documentsOf(`${FILES}/dashboards/eastwatch.yaml`) as [Provided]
  const sources = [`${FILES}/datasources/eastwatch.yaml`, 'deploy/compose/grafana/data-source.yaml'].map(
    (path) => (documentsOf(path) as [Provided])[0],
  )

  it('names a folder of files, and a data source that the dashboards take by default', () => {
    expect(dashboards.providers).toHaveLength(1)
    expect(dashboards.providers[0]).toMatchObject({ type: 'file', options: { path: expect.stringMatching(/^\//) } })
    for (const { datasources } of sources) {
      expect(datasources).toHaveLength(1)
      const [{ uid, type, jsonData }] = datasources as [Provided['datasources'][0]]
      expect([type, jsonData.username, jsonData.defaultDatabase]).toEqual([PLUGIN, 'eastwatch_reader', 'eastwatch'])
      for (const dashboard of DASHBOARDS) {
        const variable = dashboard.templating!.list!.find(({ name }) => name === 'data_source')!
        expect([variable.type, variable.query, variable.current?.value]).toEqual(['datasource', PLUGIN, uid])
      }
    }
  })
})

describe('docs/dashboards.md', () => {
  const page = textOf('docs/dashboards.md')

  it('has a part for each dashboard, and the overview’s panels by name', () => {
    for (const { title } of DASHBOARDS) expect(page).toContain(`\n### ${title!.replace('Eastwatch: ', '')}\n`)
    const [overview] = DASHBOARDS
    for (const { title } of panelsOf(overview!)) expect(page).toContain(title)
  })

  it('says to copy what is there, to where Grafana is told to look', () => {
    const copied = [...page.matchAll(/ cp (?:-r )?(\S+?)(?:\/\*\.json|\/\.) (\S+)/g)].map(([, from, to]) => [
      from!,
      to!,
    ])
    expect(copied.map(([from]) => from)).toEqual([FOLDER, 'deploy/grafana/provisioning'])
    for (const [from] of copied) expect(filesOf(from!).length).toBeGreaterThan(0)
    const [provided] = documentsOf('deploy/grafana/provisioning/dashboards/eastwatch.yaml') as [
      { providers: { options: { path: string } }[] },
    ]
    expect(copied[0]![1]).toBe(`${provided.providers[0]!.options.path}/`)
    const addresses = DASHBOARDS.map(
      ({ templating }) => templating!.list!.find(({ name }) => name === 'console_url')!.query,
    )
    for (const address of addresses) expect(page).toContain(`s#${address}#`)
  })
})
