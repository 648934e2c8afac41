/** The console on the real demo: a shop that is attacked, from OTLP to the page. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../../../bench/chromium.ts'
import { demoConfig } from '../../../cli/demo-config.ts'
import type { DemoWorld } from '../../../cli/demo-world.ts'
import { startReceiver } from '../../../demo/receiver.ts'
import { openReader } from '../../../storage/query.ts'
import { noChromium } from '../../harness/chromium.ts'
import { noEngine } from '../../storage/store.ts'
import { Visit } from './console-site.ts'

/** As it was built: threads and the store's process need it. */
const DEMO_WORLD = join(import.meta.dirname, '../../../dist/cli/demo-world.js')
const DAYS = 1
const cannot = noEngine() ?? noChromium()

describe.skipIf(cannot !== undefined)('the console on the demo', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-console-'))
  const stop = new AbortController()
  let world: DemoWorld
  let browser: Browser
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let behindMs: number
  beforeAll(async () => {
    receiver = await startReceiver(() => {})
    browser = await launchChromium()
    const { startDemoWorld } = (await import(DEMO_WORLD)) as typeof import('../../../cli/demo-world.ts')
    const config = demoConfig(folder, receiver.url, true)
    world = await startDemoWorld({ config, story: { seed: 1, attacks: true, days: DAYS }, live: true }, stop.signal)
    await world.told
    const store = await openReader(config)
    const [latest] = await store.rows<{ ms: string }>(
      'SELECT toUnixTimestamp64Milli(max(start)) AS ms FROM eastwatch.calls',
    )
    await store.close()
    behindMs = Date.now() - Number(latest!.ms)
  }, 280_000)
  afterAll(async () => {
    await browser?.close()
    await world?.stop()
    await receiver?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const visit = (hash: string, options = {}) => Visit.begin(browser, world.pipeline.consoleUrl, hash, options)

  it('whoever is told that the story is over sees life as it is now, not as it was minutes ago', () => {
    expect(behindMs).toBeLessThan(60_000)
  })

  it('the map shows the shop, and what was done to it', async () => {
    const one = await visit('')
    await one.settled()
    await one.picture('demo-map')
    const paths = await one.page.locator('.side li').allInnerTexts()
    expect(paths.join('\n')).toMatch(/email\.shop → ledger\.shop\s+▲ not allowed 5/)
    expect(paths.join('\n')).toMatch(/frontend\.shop → auth\.shop\s+⊘ denied 180/)
    expect(one.trouble).toEqual([])
    await one.end()
  })

  it('on a phone its list is as wide as the phone', async () => {
    const one = await visit('', { viewport: { width: 390, height: 844 } })
    await one.settled()
    await one.page.getByRole('region', { name: 'Paths' }).waitFor()
    await one.picture('demo-phone')
    const wider =
      "(() => { const list = document.querySelector('.scroll'); return list.scrollWidth - list.clientWidth })()"
    expect(await one.page.evaluate(wider)).toBe(0)
    await one.end()
  })

  it('an incident has its evidence, and leads to its pair', async () => {
    const one = await visit('#/incidents')
    const { page } = one
    await one.settled()
    await one.picture('demo-incidents')
    // Its burst is over by now.
    await page.getByRole('button', { name: 'resolved' }).click()
    await page
      .getByRole('link', { name: /frontend\.shop (was|is) denied|denied at auth/i })
      .first()
      .click()
    await page.locator('.facts-list').waitFor()
    await one.picture('demo-incident')
    expect(await one.text('.facts-list')).toMatch(/Verdict\s+.*deny-admin/)
    await page.getByRole('link', { name: 'frontend.shop → auth.shop' }).click()
    await page.locator('.u-over').first().waitFor({ state: 'attached' })
    await page.getByText('The band is its own past').waitFor()
    await one.picture('demo-pair')
    expect(one.trouble).toEqual([])
    await one.end()
  })

  it('an incident that is acknowledged here is so at once, through the log and the store', async () => {
    const one = await visit('#/incidents')
    const { page } = one
    await page
      .getByRole('link', { name: /ledger/ })
      .first()
      .click()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByLabel('Why').fill('found it, it is the demo')
    await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await one.text('.badges')).toContain('acknowledged')
    expect(await one.text('.history')).toContain('local: acknowledge, done. found it, it is the demo')
    await one.end()
  })

  it('coverage tells of every service, and all parts are well', async () => {
    const one = await visit('#/coverage')
    await one.settled()
    await one.picture('demo-coverage')
    const text = await one.text('main')
    expect(text).toMatch(/payment\.shop/)
    expect(text).toMatch(/store\s+✓ ready/)
    await one.end()
  })
})
