/** The page in a real browser, on a shop with trouble. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { record } from '../../alerts/records.ts'
import { noChromium } from '../../harness/chromium.ts'
import { noEngine } from '../../storage/store.ts'
import { ConsoleSite, type Visit } from './console-site.ts'
import { AUTH, INCIDENT, shop } from './worlds.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }
const PAIR = `#/pair?${new URLSearchParams({
  sourceIdentity: AUTH.source_identity,
  sourceNamespace: AUTH.source_namespace,
  sourceWorkload: AUTH.source_workload,
  destinationService: AUTH.destination_service,
})}`

const cannot = noEngine() ?? noChromium()

describe.skipIf(cannot !== undefined)('the console in a browser', { timeout: 60_000 }, () => {
  let site: ConsoleSite
  beforeAll(async () => {
    site = await ConsoleSite.open()
    site.site.health.register('store', () => ({ ready: false, detail: 'its process is starting again' }))
  })
  afterAll(() => site.stop())

  const visiting = async (hash: string, use: (visit: Visit) => Promise<void>, options = {}) => {
    const visit = await site.visit(hash, options)
    try {
      await visit.settled()
      await use(visit)
      expect(visit.trouble).toEqual([])
    } finally {
      await visit.end()
    }
  }

  it('without any calls it says what to do', () =>
    visiting('', async (visit) => {
      await visit.picture('empty')
      expect(await visit.text('main')).toMatch(/No calls yet[\s\S]*4317[\s\S]*docs\/connect-envoy\.md/)
      await visit.page.goto(`${site.url}/#/incidents`)
      await visit.page.getByText('Nothing is going on').waitFor()
    }))

  describe('with calls', () => {
    beforeAll(() => shop({ store: site.site.store, insert: (...records) => site.site.insert(...records) }))

    it('shows the map, and beside it what stands out, the worst first', () =>
      visiting('', async (visit) => {
        const { page } = visit
        expect(await page.locator('.canvas').getAttribute('data-drawn')).toBe('14 19')
        const paths = await page.locator('.side .path').allInnerTexts()
        expect(paths).toEqual([
          'email.shop → ledger.shop',
          'frontend.shop → auth.shop',
          'shipping.shop → catalog.shop',
          '10.42.9.66 → cart.shop',
          'checkout.shop → email.shop',
        ])
        expect(await visit.text('.side')).toMatch(
          /▲ not allowed 5[\s\S]*⊘ denied \d+[\s\S]*✕ failing 12[\s\S]*◇ plaintext 9[\s\S]*✚ new/,
        )
        expect(await page.title()).toBe('(2) Map – Eastwatch')
      }))

    it('tells states apart by word, sign and line, so that colour is not needed', () =>
      visiting('', async ({ page }) => {
        const words = await page.locator('.legend .chip').allInnerTexts()
        expect(words.map((text) => text.trim())).toEqual([
          '▲ not allowed',
          '⊘ denied',
          '✕ failing',
          '◇ plaintext',
          '✚ new',
          '? undecided',
          '✓ authorised',
        ])
        const lines = await page.evaluate(`[...document.querySelectorAll('.sample')].map((one) => {
          const { borderTopStyle, borderTopWidth, backgroundImage } = getComputedStyle(one)
          return borderTopStyle + borderTopWidth + backgroundImage.replace(/rgb[^)]*\\)/g, '')
        })`)
        expect(new Set(lines as string[]).size).toBe(7)
      }))

    it('a state is hidden by its button in the legend', () =>
      visiting('', async ({ page }) => {
        await page.getByRole('button', { name: 'authorised', exact: false }).click()
        expect(await page.getByRole('button', { name: '✓ authorised' }).getAttribute('aria-pressed')).toBe('false')
        await page.getByText('9 of 14 services, 5 paths').waitFor()
      }))

    it('keys choose a service, and let it go; the list leads to a pair', () =>
      visiting('', async (visit) => {
        const { page } = visit
        await page.keyboard.press('j')
        await page.locator('.side h3', { hasText: 'Called by' }).waitFor()
        const first = await visit.text('.side h2')
        await page.keyboard.press('j')
        expect(await visit.text('.side h2')).not.toBe(first)
        await page.keyboard.press('Escape')
        await page.locator('.side h2', { hasText: 'What stands out' }).waitFor()
        await page.getByRole('button', { name: 'List' }).click()
        await page.keyboard.press('j')
        await page.keyboard.press('Enter')
        await page.locator('h1', { hasText: 'email.shop → ledger.shop' }).waitFor()
        await page.keyboard.press('?')
        await page.getByRole('dialog').waitFor()
        await page.keyboard.press('Escape')
        await page.keyboard.press('2')
        await page.locator('h1', { hasText: 'Incidents' }).waitFor()
      }))

    it('/ searches: services on the map, incidents by what they say', () =>
      visiting('', async (visit) => {
        const { page } = visit
        await page.keyboard.press('/')
        await page.keyboard.type('ledger')
        await page.getByText('4 of 14 services, 3 paths').waitFor()
        await page.goto(`${site.url}/#/incidents`)
        await page.getByText('1 incident.').waitFor()
        expect(await visit.text('.incident')).toContain('email called ledger.shop')
      }))

    it('lists incidents, the worst first, and resolved ones where they are asked for', () =>
      visiting('#/incidents', async (visit) => {
        const severities = () => visit.page.locator('.incident .severity').allInnerTexts()
        expect(await severities()).toEqual(['▲ critical', '◆ high', '◆ high'])
        await visit.page.getByRole('button', { name: 'resolved' }).click()
        await visit.page.getByText('4 incidents.').waitFor()
        await visit.page.keyboard.press('j')
        await visit.page.keyboard.press('j')
        await visit.page.keyboard.press('Enter')
        await visit.page.locator('h1', { hasText: 'frontend is denied at auth' }).waitFor()
        await visit.picture('incident')
        const text = await visit.text('main')
        for (const said of [
          '40 denials',
          '0.2 denials, from 12,000 samples',
          'rbac_access_denied',
          'req-1',
          'oncall: first, sent',
          "WHERE outcome = 'denied'",
        ]) {
          expect(text).toContain(said)
        }
        await visit.page.keyboard.press('Escape')
        await visit.page.locator('h1', { hasText: 'Incidents' }).waitFor()
      }))

    it('what a message links to leads to the incident', async () => {
      const visit = await site.visit(`incidents/${INCIDENT}`)
      await visit.page.locator('h1', { hasText: 'frontend is denied at auth' }).waitFor()
      expect(visit.page.url()).toBe(`${site.url}/#/incidents/${INCIDENT}`)
      await visit.end()
    })

    it('acknowledges with a reason, and shows it at once', () =>
      visiting(`#/incidents/${INCIDENT}`, async (visit) => {
        const { page } = visit
        await page.getByRole('button', { name: 'Acknowledge' }).click()
        await page.getByLabel('Why').fill('no')
        await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click()
        // Too short: the browser says so, and nothing is sent.
        expect(site.site.actions).toEqual([])
        await page.getByLabel('Why').fill('it is our test')
        await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click()
        await page.getByRole('dialog').waitFor({ state: 'detached' })
        // As it stands there now: nothing is waited for.
        expect(await visit.text('.badges')).toMatch(/acknowledged\s+by local/)
        expect(await visit.text('.history')).toContain('local: acknowledge, done. it is our test')
        expect(await page.getByRole('button', { name: 'Acknowledge' }).count()).toBe(0)
        await page.getByText('Acknowledged.', { exact: true }).waitFor()
        expect(site.site.actions).toMatchObject([
          { type: 'acknowledge', incidentId: INCIDENT, reason: 'it is our test', actor: { name: 'local' } },
        ])
      }))

    it('what was asked before an action does not come back over it', async () => {
      await site.site.insert(record({ id: 'late', fingerprint: 'late', summary: 'something', severity: 'info' }))
      await visiting('#/incidents/late', async (visit) => {
        const { page } = visit
        let release = () => {}
        const held = new Promise<void>((resolve) => (release = resolve))
        let answered: Promise<void> | undefined
        const isHeld = new Promise<void>((resolve) =>
          page.route(
            '**/incidents/late',
            async (route) => {
              const response = await route.fetch()
              answered = held.then(() => route.fulfill({ response })).catch(() => {})
              resolve()
            },
            { times: 1 },
          ),
        )
        await page.getByLabel('Time range').selectOption({ label: 'Last hour' })
        await isHeld
        await page.getByRole('button', { name: 'Resolve' }).click()
        await page.getByLabel('Why').fill('it is over')
        await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click()
        await page.getByRole('dialog').waitFor({ state: 'detached' })
        release()
        await answered
        // Whatever that brought is there before the answer to a later question.
        await page.evaluate("fetch('/api/v1/session').then((answer) => answer.text())")
        expect(await visit.text('.badges')).toMatch(/resolved\s+by local/)
      })
    })

    it('says so where the log is behind, and shows it as it comes', () =>
      visiting('#/incidents/past', async ({ page }) => {
        site.site.isBehind = true
        await page.getByRole('button', { name: 'Accept as normal' }).click()
        await page.getByLabel('Why').fill('we know it')
        await page.getByRole('button', { name: 'Accept', exact: true }).click()
        await page.getByText(/^Accepted as normal\. It shows here once Eastwatch has read its log that far/).waitFor()
        site.site.isBehind = false
      }))

    it('says what came of an action that was too late', async () => {
      await site.site.insert(record({ id: 'over', fingerprint: 'over', summary: 'something' }))
      await visiting('#/incidents/over', async ({ page }) => {
        await page.getByRole('button', { name: 'Resolve' }).click()
        await page.getByLabel('Why').fill('it is over')
        await site.site.insert(record({ id: 'over', fingerprint: 'over', version: 2, status: 'resolved' }))
        await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click()
        await page.getByText('It was not done: too late: the incident is resolved.').waitFor()
      })
    })

    it('silences with matchers that can be edited, and says in words what is refused', () =>
      visiting('#/incidents/gap', async (visit) => {
        const { page } = visit
        await page.getByRole('button', { name: 'Silence' }).click()
        const matchers = page.getByRole('dialog').getByLabel('Matcher', { exact: true })
        const given = await Promise.all((await matchers.all()).map((one) => one.inputValue()))
        expect(given).toEqual([
          'detector="latency_shift"',
          'source="cluster.local/ns/shop/sa/frontend"',
          'destination="cart.shop"',
        ])
        await visit.picture('silence')
        await matchers.nth(2).fill('destination')
        await page.getByLabel('For', { exact: true }).selectOption({ label: '4 hours' })
        await page.getByLabel('Why').fill('we test a proxy')
        await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click()
        await page.getByText(/It was not done: .*is no matcher/).waitFor()
        await page.getByRole('button', { name: 'Remove destination="cart.shop"' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click()
        await page.getByRole('dialog').waitFor({ state: 'detached' })
        expect(await visit.text('.badges')).toContain('silenced')
        await page.getByText('The silence is in force.', { exact: true }).waitFor()
        const made = site.site.actions.at(-1)!
        expect(made).toMatchObject({ type: 'silence', matchers: given.slice(0, 2), reason: 'we test a proxy' })
        if (made.type === 'silence') expect(Math.round((made.endsAt - made.at) / 3.6e9)).toBe(4)
      }))

    it('accepts as normal for so many days; ends a silence', () =>
      visiting('#/incidents/gap', async (visit) => {
        const { page } = visit
        await page.getByRole('button', { name: 'Accept as normal' }).click()
        await page.getByLabel('For how many days').fill('7')
        await page.getByLabel('Why').fill('a new proxy')
        await page.getByRole('button', { name: 'Accept', exact: true }).click()
        await page.getByText('Accepted as normal.', { exact: true }).waitFor()
        expect(await visit.text('.badges')).toMatch(/resolved\s+by local, accepted as normal until/)
        expect(site.site.actions.at(-1)).toMatchObject({ type: 'accept', incidentId: 'gap' })
        await page.goto(`${site.url}/#/silences`)
        const row = page.locator('.silence', { hasText: 'moves to another provider' })
        await row.getByRole('button', { name: 'End it' }).click()
        await page.getByText('The silence is ended.').waitFor()
        expect(await row.count()).toBe(0)
        expect(site.site.actions.at(-1)).toMatchObject({ type: 'end_silence', silenceId: 's1' })
      }))

    it('a pair has its charts over what is usual, its findings and its paths', () =>
      visiting(PAIR, async (visit) => {
        const { page } = visit
        await page.getByLabel('Time range').selectOption({ label: 'Last hour' })
        await page.getByText(/Denied in 30 seconds/).waitFor()
        await page.locator('.u-over').nth(4).waitFor({ state: 'attached' })
        await visit.picture('pair')
        const captions = await page.locator('figcaption').allInnerTexts()
        expect(captions[1]).toMatch(/Denied in 30 seconds\s+0 to \d+; usual 0$/)
        const text = await visit.text('main')
        expect(text).toContain("The band is its own past, not a detector's verdict")
        expect(text).toContain('denial_spike, rate')
        expect(text).toMatch(/DELETE \/session\s+300\s+⊘ denied 400/)
        await page.getByLabel('Time range').selectOption({ label: 'Last 15 minutes' })
        // As long as the detector's windows: what it expected can be shown.
        await page.getByText(/Denied in 10 seconds/).waitFor()
        expect((await page.locator('figcaption').allInnerTexts())[1]).toContain('a detector saw 40, expected 0.5')
      }))

    it('after an upgrade an old page says that it is to be loaded again', async () => {
      const visit = await site.visit('#/incidents')
      const { page } = visit
      await visit.settled()
      await page.route('**/assets/chart-*', (route) => route.fulfill({ status: 404 }))
      await page.goto(`${site.url}/${PAIR}`)
      await page.getByText('if Eastwatch was upgraded, load the page again').waitFor()
      await visit.end()
    })

    it('a time of its own is taken in UTC, and a wrong one is told', () =>
      visiting('', async ({ page }) => {
        await page.getByLabel('Time range').selectOption('custom')
        await page.getByLabel('From, in UTC').fill('2020-01-02T00:00')
        await page.getByLabel('Until, in UTC').fill('2020-01-01T00:00')
        await page.getByRole('button', { name: 'Show' }).click()
        await page.getByText('The end must be after the start').waitFor()
        await page.getByLabel('Until, in UTC').fill('2020-01-03T00:00')
        const asked = page.waitForRequest(/\/map\?/)
        await page.getByRole('button', { name: 'Show' }).click()
        expect((await asked).url()).toContain(`from=${Date.UTC(2020, 0, 2)}&until=${Date.UTC(2020, 0, 3)}`)
        await page.getByText('No calls in that time').waitFor()
      }))

    it('coverage and health say what is not well', () =>
      visiting('#/coverage', async (visit) => {
        await visit.picture('coverage')
        expect(await visit.text('main')).toMatch(/store\s+✕ not ready\s+its process is starting again/)
        await visit.page.getByText('every detector is blind').waitFor()
      }))

    it('says when it is out of touch, keeps what it shows, and comes back', async () => {
      const visit = await site.visit('#/incidents')
      const { page } = visit
      await visit.settled()
      await page.route('**/api/v1/**', (route) => route.abort())
      await page.getByLabel('Least severity').selectOption('critical')
      await page.getByText(/Out of touch: Eastwatch does not answer\. What you see is of \d\d:\d\d:\d\d UTC/).waitFor()
      expect(await page.locator('.incident').count()).toBeGreaterThan(1)
      await visit.picture('out-of-touch')
      await page.unroute('**/api/v1/**')
      await page.getByText('Live,').waitFor({ timeout: 20_000 })
      expect(await page.locator('.incident').count()).toBe(1)
      await visit.end()
    })

    it('follows what happens, and keeps what is chosen', () =>
      visiting('', async (visit) => {
        const { page } = visit
        await page.keyboard.press('j')
        const name = await visit.text('.side h2')
        const before = /\d+/.exec(await page.title())![0]
        await site.site.insert(
          record({
            id: 'later',
            severity: 'info',
            summary: 'something else',
            openedAt: Date.now() * 1000,
            updatedAt: Date.now() * 1000,
          }),
        )
        await expect.poll(() => page.title()).toBe(`(${1 + Number(before)}) Map – Eastwatch`)
        expect(await visit.text('.side h2')).toBe(name)
      }))

    const VIEWS: [string, string][] = [
      ['map', '#/map'],
      ['incidents', '#/incidents'],
      ['incident', `#/incidents/${INCIDENT}`],
      ['pair', PAIR],
      ['silences', '#/silences'],
      ['coverage', '#/coverage'],
    ]
    it.each(
      VIEWS.flatMap(([name, hash]) =>
        (['light', 'dark'] as const).flatMap(
          (scheme) =>
            [
              [name, scheme, 'desk', hash],
              [name, scheme, 'phone', hash],
            ] as const,
        ),
      ),
    )('%s, %s, %s: nothing is in the way of anybody (axe)', (name, colorScheme, device, hash) =>
      visiting(
        hash,
        async (visit) => {
          await visit.picture(`${name}-${colorScheme}-${device}`)
          await visit.page.evaluate(AXE)
          const { violations } = (await visit.page.evaluate('axe.run()')) as {
            violations: { id: string; nodes: { html: string }[] }[]
          }
          expect(
            violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`),
          ).toEqual([])
          const wide = await visit.page.evaluate(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          )
          expect(wide).toBe(0)
        },
        { colorScheme, ...(device === 'phone' ? PHONE : {}) },
      ),
    )

    it('dark and light are chosen, and stay', () =>
      visiting('', async ({ page }) => {
        const back = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
        const light = await back()
        await page.getByRole('button', { name: 'Dark' }).click()
        expect(await back()).not.toBe(light)
        await page.reload()
        await page.getByRole('button', { name: 'Light' }).waitFor()
        expect(await back()).not.toBe(light)
      }))
  })
})
