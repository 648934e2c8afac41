/** A mesh of 1,000 services and 5,000 paths: it can be read, and worked with. How fast: bench/console.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noChromium } from '../../harness/chromium.ts'
import { noEngine } from '../../storage/store.ts'
import { ConsoleSite } from './console-site.ts'
import { mesh } from './worlds.ts'

const cannot = noEngine() ?? noChromium()

describe.skipIf(cannot !== undefined)('a large mesh', { timeout: 90_000 }, () => {
  let site: ConsoleSite
  beforeAll(async () => {
    site = await ConsoleSite.open()
    await mesh(site.site, 1000)
  })
  afterAll(() => site.stop())

  it('is its namespaces first; one opens, all open, and they close again', async () => {
    const visit = await site.visit()
    const { page } = visit
    const drawn = (nodes: number) => page.locator(`.canvas[data-drawn^="${nodes} "]`).waitFor()
    await visit.settled()
    await drawn(40)
    await visit.picture('mesh')
    expect(await visit.text('.summary-line')).toBe('1,000 services, 5,000 paths in the last 3 hours.')
    await page.keyboard.press('j')
    await page.getByRole('button', { name: 'Open it' }).click()
    await drawn(64)
    await visit.picture('mesh-one-open')
    await page.getByRole('button', { name: 'Open all namespaces' }).click()
    await drawn(1000)
    await visit.picture('mesh-all-open')
    await page.keyboard.press('j')
    await page.locator('.side h3', { hasText: 'Calls 5' }).waitFor()
    await page.getByRole('button', { name: 'Close namespaces' }).click()
    await drawn(40)
    expect(visit.trouble).toEqual([])
    await visit.end()
  })

  it('search finds one of a thousand', async () => {
    const visit = await site.visit()
    await visit.settled()
    await visit.page.keyboard.press('/')
    await visit.page.keyboard.type('svc-0500')
    await visit.page.getByText('11 of 1,000 services, 10 paths').waitFor()
    await visit.picture('mesh-search')
    await visit.end()
  })

  it('the list has what stands out on top, and says how many more there are', async () => {
    const visit = await site.visit('', { viewport: { width: 390, height: 844 } })
    await visit.settled()
    await visit.page.getByText('4,600 more: search to see others.').waitFor()
    expect(await visit.page.locator('tbody tr').first().textContent()).toContain('⊘ denied 7')
    await visit.picture('mesh-phone')
    await visit.end()
  })
})
