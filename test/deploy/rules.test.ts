/** deploy/prometheus: every rule can be read by Prometheus, and asks for metrics that there are, with labels that they have. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FREE_PORTS, folderWith, type Up, until, up } from '../cli/command.ts'
import { readRecording } from '../envoy/fixture.ts'
import { noEngine } from '../storage/store.ts'
import { documentsOf, ROOT } from './files.ts'
import { declaredMetrics } from './metrics.ts'
import { run } from './run.ts'

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; action: string }
}

const FILE = 'deploy/prometheus/eastwatch-rules.yaml'
const [{ groups }] = documentsOf(FILE) as [{ groups: { rules: Rule[] }[] }]
const rules = groups.flatMap((group) => group.rules)

const promtool = await run('promtool', ['--version'])
if (promtool.code !== 0)
  console.log('promtool’s own check of the rules is skipped: Debian’s package prometheus is not installed')

/** Metrics and labels that an expression asks for. Throws where PromQL does not know it. */
function asksFor(expression: string): { metric: string; labels: string[] }[] {
  const asked: { metric: string; labels: string[] }[] = []
  parser.parse(expression).iterate({
    enter({ type, from, to, name }) {
      if (type.isError) throw new Error(`${expression}: wrong at character ${from}`)
      if (name === 'VectorSelector') asked.push({ metric: '', labels: [] })
      const text = expression.slice(from, to)
      if (name === 'Identifier') asked.at(-1)!.metric = text
      if (name === 'UnquotedLabelMatcher') asked.at(-1)!.labels.push(/^\w+/.exec(text)![0])
    },
  })
  return asked
}

describe('deploy/prometheus/eastwatch-rules.yaml', () => {
  it('is PromQL throughout, each rule with a name of its own, a severity, and what to do', () => {
    expect(rules.length).toBeGreaterThan(10)
    expect(() => asksFor('sum(rate(')).toThrow('wrong at character')
    for (const { alert, expr, labels, annotations } of rules) {
      expect(asksFor(expr).length, alert).toBeGreaterThan(0)
      expect(labels.severity).toMatch(/^(critical|high|warning)$/)
      expect(annotations.summary.length).toBeGreaterThan(0)
      expect(annotations.action).toMatch(/[.]$|why\.?$/)
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
  })

  it.skipIf(promtool.code !== 0)('promtool finds nothing wrong, and each rule fires on what it is for', async () => {
    const checked = await run('promtool', ['check', 'rules', join(ROOT, FILE)])
    expect(checked).toMatchObject({ code: 0, err: '' })
    expect(checked.out).toContain(`SUCCESS: ${rules.length} rules found`)
    // Series that each make one rule fire, and a quiet pipeline that makes none.
    const stories = join(import.meta.dirname, 'rules.promtool.yaml')
    expect(await run('promtool', ['test', 'rules', stories])).toMatchObject({ code: 0 })
    const [{ tests }] = documentsOf('test/deploy/rules.promtool.yaml') as [
      { tests: { promql_expr_test: { exp_samples: { labels: string }[] }[] }[] },
    ]
    const fired = tests.flatMap((test) =>
      test.promql_expr_test.flatMap((one) => one.exp_samples.map(({ labels }) => labels)),
    )
    for (const { alert } of rules) expect(fired.join(), alert).toContain(`alertname="${alert}"`)
  })

  describe.skipIf(noEngine())('beside a running Eastwatch', () => {
    let folder: string
    let running: Up
    /** Label names by metric. */
    const served = new Map<string, Set<string>>()
    beforeAll(async () => {
      folder = folderWith({ ...FREE_PORTS, storage: { port: 0, ttlDays: { calls: 3650 } } })
      running = await up(folder)
      const headers = { 'content-type': 'application/x-protobuf' }
      for (const body of readRecording('allowed_http').bodies) {
        expect((await fetch(`${running.http}/v1/logs`, { method: 'POST', headers, body })).status).toBe(200)
      }
      await until(async () => {
        const text = await (await fetch(`${running.health}/metrics`)).text()
        for (const [, metric, labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
          const known = served.get(metric!) ?? new Set()
          for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!)
          served.set(metric!, known)
        }
        return served.has('eastwatch_stored_rows_total')
      })
    }, 60_000)
    afterAll(async () => {
      await running?.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    it('they ask for metrics that it serves or declares, and for labels that those have', () => {
      // What the source declares is served under the name that is told here: those that come only with their first event are believed.
      const names = declaredMetrics()
      expect([...served.keys()].filter((name) => names.has(name)).length).toBeGreaterThan(5)
      for (const { metric, labels } of rules
        .flatMap(({ expr }) => asksFor(expr))
        .filter(({ metric: name }) => name !== 'up')) {
        expect(served.has(metric) || names.has(metric), metric).toBe(true)
        const known = served.get(metric)
        for (const label of labels) if (known !== undefined) expect([...known], metric).toContain(label)
      }
    })

    it('every metric that it serves by its own name can be told from the source', () => {
      const names = declaredMetrics()
      const own = [...served.keys()].filter(
        (name) => name.startsWith('eastwatch_') && !name.startsWith('eastwatch_collector_'),
      )
      expect(own.filter((name) => !names.has(name))).toEqual([])
    })
  })
})
