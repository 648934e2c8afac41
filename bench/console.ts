/**
 * The console in a headless Chromium, which draws without a graphics card: how long until the demo's map is there, and how many pictures a
 * second a map of 1,000 services and 5,000 paths gives while it is moved.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import type { Browser, Page } from 'playwright-core'
import { demoConfig } from '../cli/demo-config.ts'
import { startDemoWorld } from '../cli/demo-world.ts'
import { createLogger } from '../core/logger.ts'
import { ConsoleConfig } from '../dashboards/console/config.ts'
import { serveConsole } from '../dashboards/console/server.ts'
import { startReceiver } from '../demo/receiver.ts'
import { connectStore } from '../storage/clickhouse.ts'
import { StorageConfig } from '../storage/config.ts'
import { migrate } from '../storage/migrate.ts'
import { connectReader } from '../storage/query.ts'
import { startEngine } from '../storage/start.ts'
import { launchChromium } from './chromium.ts'
import { meshRows } from './mesh-rows.ts'
import type { Row } from './row.ts'

const VISITS = 7
const SERVICES = 1000
const PAN_MS = 4000
const SIZE = { width: 1280, height: 800 }

export async function benchConsole(): Promise<Row[]> {
  const browser = await launchChromium()
  try {
    return [
      ...(await onDemo((url) => firstPictures(browser, url, "the demo's data"))),
      ...(await onMesh(async (url) => [
        ...(await firstPictures(browser, url, '1,000 services, 5,000 paths')),
        ...(await panning(browser, url)),
      ])),
    ]
  } finally {
    await browser.close()
  }
}

async function firstPictures(browser: Browser, url: string, what: string): Promise<Row[]> {
  const times: number[] = []
  for (let visit = 0; visit < VISITS; visit += 1) {
    const context = await browser.newContext({ viewport: SIZE })
    const page = await context.newPage()
    await page.goto(url, { waitUntil: 'commit' })
    await page.locator('.canvas[data-drawn]').waitFor()
    // Since the navigation began.
    times.push((await page.evaluate('performance.now()')) as number)
    await context.close()
  }
  const [first] = times
  times.sort((a, b) => a - b)
  const [median, slowest] = [times[VISITS >> 1], times.at(-1)]
  const ms = (time: number | undefined) => `${Math.round(time!)} ms`
  const figure = `${ms(median)} median, ${ms(slowest)} slowest of ${VISITS}, ${ms(first)} the first`
  return [{ measured: `console: first useful picture, ${what}`, figure }]
}

async function panning(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage({ viewport: SIZE })
  await page.goto(url)
  const drawn = (nodes: number) => page.locator(`.canvas[data-drawn^="${nodes} "]`).waitFor()
  await drawn(SERVICES / 25)
  const rows = [await pan(page, 'namespaces closed')]
  await page.getByRole('button', { name: 'Open all namespaces' }).click()
  await drawn(SERVICES)
  rows.push(await pan(page, 'all namespaces open'))
  for (let times = 0; times < 6; times += 1) await page.getByRole('button', { name: 'Larger' }).click()
  rows.push(await pan(page, 'all open, enlarged until names can be read'))
  await page.close()
  return rows
}

/** Drags the map round and round, as fast as the browser takes it. */
async function pan(page: Page, what: string): Promise<Row> {
  const box = (await page.locator('.canvas').boundingBox())!
  const [x, y] = [box.x + box.width / 2, box.y + 8]
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.evaluate(
    `globalThis.frames_ = []; (function step() { frames_?.push(performance.now()); if (frames_) requestAnimationFrame(step) })()`,
  )
  const end = Date.now() + PAN_MS
  for (let turn = 0; Date.now() < end; turn += 0.12)
    await page.mouse.move(x + 160 * Math.sin(turn), y + 60 - 60 * Math.cos(turn))
  const frames = (await page.evaluate('const taken = frames_; frames_ = null; taken')) as number[]
  await page.mouse.up()
  const seconds = (frames.at(-1)! - frames[0]!) / 1000
  const gaps = frames
    .slice(1)
    .map((at, index) => at - frames[index]!)
    .sort((a, b) => a - b)
  const slow = gaps[Math.floor(gaps.length * 0.95)]!
  const figure = `${((frames.length - 1) / seconds).toFixed(0)} a second; 95 of 100 within ${slow.toFixed(0)} ms`
  return { measured: `console: pictures while panning, ${what}`, figure }
}

async function onDemo(measure: (url: string) => Promise<Row[]>): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const receiver = await startReceiver(() => {})
  const stop = new AbortController()
  const config = demoConfig(folder, receiver.url, true)
  const world = await startDemoWorld({ config, story: { seed: 1, attacks: true, days: 1 }, live: true }, stop.signal)
  try {
    await world.told
    return await measure(world.pipeline.consoleUrl)
  } finally {
    await world.stop()
    await receiver.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function onMesh(measure: (url: string) => Promise<Row[]>): Promise<Row[]> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  const storage = StorageConfig.parse({})
  const logger = createLogger('error')
  const engine = await startEngine({ dataFolder, storage }, logger, { port: 0 })
  const { url, username, password } = engine
  const store = connectStore({ url, username, password })
  const reader = connectReader(storage, { url })
  try {
    await migrate(store)
    const client = createClient({ url, username, password, database: 'eastwatch' })
    await insertMesh(client)
    await client.close()
    const context = {
      store: reader,
      bus: { publish: async () => {} },
      health: async () => ({ ready: true, parts: {} }),
      now: () => Date.now() * 1000,
    }
    const config = ConsoleConfig.parse({ address: '127.0.0.1:0' })
    const server = await serveConsole({ config, context, version: 'bench', logger })
    try {
      return await measure(`http://127.0.0.1:${server.port}`)
    } finally {
      await server.stop()
    }
  } finally {
    await reader.close()
    await store.close()
    await engine.stop()
    rmSync(dataFolder, { recursive: true, force: true })
  }
}

async function insertMesh(client: ClickHouseClient): Promise<void> {
  const { windows, paths } = meshRows(SERVICES, Math.floor(Date.now() / 10_000) * 10)
  await client.insert({ table: 'windows', values: windows, format: 'JSONEachRow' })
  await client.insert({ table: 'paths', values: paths, format: 'JSONEachRow' })
}
