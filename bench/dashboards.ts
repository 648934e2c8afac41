/**
 * Every panel of the Grafana dashboards, and every view of the console, over a day of 20 million calls in the embedded store, asked as the
 * read-only user over HTTP, by Grafana in Native format, for the usual ranges. Calls go in by Native inserts; what belongs to them is made of them. Beside each
 * time stands the CPU that the store took for one answer, which says more on a machine that has other work.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { encodeBlock } from '../core/block.ts'
import type { Call } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { ALL, expandQuery, type Values } from '../dashboards/grafana/macros.ts'
import { type PanelQuery, panelQueries, rangeOf } from '../dashboards/grafana/panel-queries.ts'
import { DASHBOARDS } from '../dashboards/grafana/registry.ts'
import { connectStore, type Store } from '../storage/clickhouse.ts'
import { StorageConfig } from '../storage/config.ts'
import { migrate } from '../storage/migrate.ts'
import { openReader, type StoreReader } from '../storage/query.ts'
import { startEngine } from '../storage/start.ts'
import { consoleQuestions, type Question } from './console-questions.ts'
import { besides, pathsOf, windowsOf } from './dashboard-rows.ts'
import type { Row } from './row.ts'
import { callOf, insertCalls } from './stored-calls.ts'
import { cpuSeconds } from './usage.ts'

const CALLS = 20_000_000
const HOURS = 24
const ROWS_PER_BLOCK = 500
/** So many that parts are merged as they are under load: it is a merge that makes the indexes of ids. */
const BLOCKS_PER_INSERT = 10
const HOUR_MS = 3_600_000
const RANGES = [1, 6, 24]
const RUNS = 20
const PAGES = 5
const BUDGET_MS = 300

export async function benchDashboards(): Promise<Row[]> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const storage = StorageConfig.parse({})
  const embedded = await startEngine({ dataFolder, storage }, createLogger('error'), { port: 0 })
  const store = connectStore({ url: embedded.url, username: embedded.username, password: embedded.password })
  try {
    await migrate(store)
    const endMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
    await fill(store, endMs)
    const reader = await openReader({ dataFolder, storage })
    try {
      return await measure(reader, embedded.pid()!, endMs)
    } finally {
      await reader.close()
    }
  } finally {
    await store.close()
    await embedded.stop()
    rmSync(dataFolder, { recursive: true, force: true })
  }
}

async function fill(store: Store, endMs: number): Promise<void> {
  const beginUs = (endMs - HOURS * HOUR_MS) * 1000
  const stepUs = (HOURS * HOUR_MS * 1000) / CALLS
  const rows = ROWS_PER_BLOCK * BLOCKS_PER_INSERT
  for (let first = 0; first < CALLS; first += rows) {
    const blocks = Array.from({ length: BLOCKS_PER_INSERT }, (_, i) =>
      blockOf(first + i * ROWS_PER_BLOCK, beginUs, stepUs),
    )
    await insertCalls(store, blocks, `bench-${first}`)
  }
  for (let hour = 0; hour < HOURS; hour += 1) {
    const from = endMs / 1000 - (HOURS - hour) * 3600
    for (const sql of [windowsOf, pathsOf]) await store.command(sql(from, from + 3600))
  }
  for (const sql of besides(endMs / 1000)) await store.command(sql)
}

function blockOf(first: number, beginUs: number, stepUs: number): Uint8Array {
  const calls: Call[] = []
  for (let n = first; n < first + ROWS_PER_BLOCK; n += 2) {
    const at = Math.floor(beginUs + n * stepUs)
    const call = {
      ...callOf(n / 2, at),
      requestId: randomUUID(),
      traceId: randomBytes(16).toString('hex'),
      ...trouble(n),
    }
    // Both proxies report a call.
    calls.push(call, { ...call, reporter: 'destination', durationUs: call.durationUs - 400, end: call.end - 200 })
  }
  const id = Buffer.alloc(16)
  id.writeUInt32LE(first + 1, 0)
  return encodeBlock([{ id, calls }])
}

/** One call in a hundred is denied, one in a thousand fails in the handshake. */
function trouble(n: number): Partial<Call> {
  if (n % 200 === 0) return { outcome: 'denied', status: 403, denialKind: 'rbac', denialPolicy: `shop/deny-${n % 7}` }
  if (n % 2000 === 2)
    return { outcome: 'tls_failure', status: 0, tlsFailure: 'unknown_ca', tlsRejectedBy: 'destination' }
  return {}
}

async function measure(reader: StoreReader, pid: number, endMs: number): Promise<Row[]> {
  const rows: Row[] = []
  const slow: string[] = []
  const all = new Map(RANGES.map((hours) => [hours, [] as number[]]))
  const questions = [...(await panelQuestions(reader)), ...consoleQuestions(reader)]
  for (const { name, ask } of questions) {
    const figures: string[] = []
    for (const hours of RANGES) {
      const took: number[] = []
      const before = cpuSeconds(pid)
      for (let run = 0; run < RUNS; run += 1) took.push(await timed(() => ask(endMs - run * 1000, hours)))
      const { p50, p95, max } = quantiles(took)
      const cpu = Math.round(((cpuSeconds(pid) - before) * 1000) / RUNS)
      figures.push(`${hours} h ${p50} / ${p95} / ${max}, CPU ${cpu}`)
      if (p95 > BUDGET_MS) slow.push(`${name}, ${hours} h`)
      all.get(hours)!.push(...took)
    }
    rows.push({ measured: name, figure: figures.join('   ') })
  }
  for (const dashboard of DASHBOARDS) rows.push(await page(reader, dashboard, endMs))
  const total = RANGES.map((hours) => {
    const { p50, p95, max } = quantiles(all.get(hours)!)
    return `${hours} h ${p50} / ${p95} / ${max}`
  })
  rows.push({ measured: 'all of these: p50 / p95 / max, in ms', figure: total.join('   ') })
  rows.push({ measured: `with a p95 of more than ${BUDGET_MS} ms`, figure: slow.join('; ') || 'none' })
  return rows
}

const nameOf = ({ dashboard, panel, target }: PanelQuery) =>
  `${nameOfPage({ title: dashboard })}: ${panel}${target.refId === 'A' ? '' : `, ${target.refId}`}`

async function timed(ask: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await ask()
  return performance.now() - began
}

function panelQuestions(reader: StoreReader, dashboards = DASHBOARDS): Promise<Question[]> {
  return Promise.all(
    dashboards.flatMap(panelQueries).map(async (query): Promise<Question> => {
      const values = await valuesOf(reader, query)
      return {
        name: nameOf(query),
        ask: (toMs, hours) =>
          reader.text(expandQuery(query.target.rawSql, values, rangeOf(query, toMs - hours * HOUR_MS, toMs)), 'Native'),
      }
    }),
  )
}

/** A whole page, as a browser asks for it: all at once. The store answers some at a time, the others wait. */
async function page(reader: StoreReader, dashboard: Dashboard, endMs: number): Promise<Row> {
  const questions = await panelQuestions(reader, [dashboard])
  const figures: string[] = []
  for (const hours of RANGES) {
    const took: number[] = []
    for (let run = 0; run < PAGES; run += 1) {
      took.push(await timed(() => Promise.all(questions.map(({ ask }) => ask(endMs - run * 1000, hours)))))
    }
    figures.push(`${hours} h ${quantiles(took).p50}`)
  }
  return {
    measured: `page of ${questions.length} queries: ${nameOfPage(dashboard)}, p50 in ms`,
    figure: figures.join('   '),
  }
}

const nameOfPage = ({ title = '' }: Pick<Dashboard, 'title'>) => title.replace('Eastwatch: ', '')

/** All services where a page takes several, one pair, one trace that is there. */
async function valuesOf(reader: StoreReader, { target }: PanelQuery): Promise<Values> {
  const { sourceIdentity, destinationService } = callOf(0, SECOND)
  const [call] = await reader.rows<{ trace_id: string }>('SELECT trace_id FROM calls LIMIT 1')
  const onePair = target.rawSql.includes('${source:singlequote}')
  return {
    source: sourceIdentity,
    service: onePair ? destinationService : ALL,
    trace_id: call!.trace_id,
  }
}

function quantiles(values: readonly number[]): { p50: number; p95: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!)
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
