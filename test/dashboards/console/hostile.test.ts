/** Whoever sends telemetry chooses names, paths and sentences: none of them may become anything but text. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { record } from '../../alerts/records.ts'
import { noChromium } from '../../harness/chromium.ts'
import { noEngine } from '../../storage/store.ts'
import { ConsoleSite } from './console-site.ts'
import { findingRow, insertRows, type Pair, pathRow, windowRow } from './rows.ts'

const MARKUP = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(2)</script>',
  "'-alert(3)-'",
  '<svg/onload=alert(4)>',
  'javascript:alert(5)',
  '{{7*7}}${alert(6)}<a href="https://evil.example/">x</a>',
  '</textarea></title><iframe srcdoc="<script>parent.alert(7)</script>">',
  '\u202Egnp.exe\u0000\u001b[31m',
  'x'.repeat(900),
]
const NOW = Math.floor(Date.now() / 10_000) * 10 - 20
const cannot = noEngine() ?? noChromium()

describe.skipIf(cannot !== undefined)('hostile names', { timeout: 60_000 }, () => {
  let site: ConsoleSite
  const pairs: Pair[] = MARKUP.map((text, at) => ({
    source_identity: at % 2 === 0 ? text : '',
    source_namespace: text,
    source_workload: text,
    source_address: text,
    destination_service: MARKUP[(at + 1) % MARKUP.length]!,
  }))
  beforeAll(async () => {
    site = await ConsoleSite.open()
    const { store } = site.site
    await insertRows(
      store,
      'windows',
      pairs.map((key) => windowRow(NOW, key, { denied: 3, destination_identities: MARKUP })),
    )
    await insertRows(
      store,
      'paths',
      pairs.map((key, at) =>
        pathRow(NOW, key, { method: MARKUP[at], route: MARKUP[at], reason: MARKUP[at], forbidden_ok: 1 }),
      ),
    )
    await insertRows(
      store,
      'findings',
      pairs.map((key, at) =>
        findingRow(NOW, key, { summary: MARKUP[at], kind: MARKUP[at], severity: MARKUP[at], unit: MARKUP[at] }),
      ),
    )
    await insertRows(
      store,
      'rejected',
      MARKUP.map((text, at) => ({
        received: `${NOW}.000000`,
        sender: text,
        signal: 'logs',
        delivery: String(at),
        position: at,
        reason: text,
        detail: text,
        batch: 'test',
      })),
    )
    await insertRows(
      store,
      'calls',
      MARKUP.map((text) => ({
        kind: 'request',
        reporter: 'destination',
        trust: 'verified',
        outcome: 'ok',
        received: `${NOW}.000000`,
        end: `${NOW}.000000`,
        start: `${NOW}.000000`,
        destination_service: text,
        batch: 'test',
      })),
    )
    for (const text of MARKUP) site.site.health.register(text, () => ({ ready: false, detail: text }))
    await site.site.insert(
      ...MARKUP.flatMap((text, at) => [
        record({
          id: `h${at}`,
          detector: text,
          kinds: [text],
          severity: text,
          cause: text,
          summary: text,
          verdict: text,
          operation: text,
          sourceIdentity: text,
          sourceWorkload: text,
          sources: [text],
          destinations: [text],
          destinationService: text,
          openedAt: NOW * 1e6,
          updatedAt: NOW * 1e6,
          acknowledgedBy: text,
          evidence: JSON.stringify({
            observed: 1,
            expected: 2,
            unit: text,
            verdict: text,
            blind: text,
            technique: text,
            sql: text,
            firstSeen: 1,
            lastSeen: 2,
            facts: { [text]: text },
            examples: [
              {
                at: 1,
                requestId: text,
                traceId: text,
                sourceAddress: text,
                method: text,
                path: text,
                status: 1,
                detail: text,
              },
            ],
          }),
        }),
        {
          type: 'audit',
          id: `a${at}`,
          at: NOW * 1e6,
          actor: text,
          action: text,
          subject: `incident h${at}`,
          detail: text,
        } as const,
        {
          type: 'notification',
          id: `n${at}`,
          incidentId: `h${at}`,
          incidentVersion: 1,
          receiver: text,
          reason: text,
          status: 'failed',
          attempt: 1,
          at: NOW * 1e6,
          detail: text,
        } as const,
        {
          type: 'silence',
          id: `s${at}`,
          version: 1,
          matchers: [text],
          startsAt: 0,
          endsAt: (NOW + 999) * 1e6,
          createdAt: NOW * 1e6,
          createdBy: text,
          reason: text,
          namespaces: [],
          byAdmin: false,
          endedBy: '',
        } as const,
      ]),
    )
  })
  afterAll(() => site.stop())

  const PLACES = [
    '#/map',
    '#/incidents',
    '#/silences',
    '#/coverage',
    ...MARKUP.map((_, at) => `#/incidents/h${at}`),
    ...MARKUP.map((text) => `#/incidents/${encodeURIComponent(text)}`),
    `#/${MARKUP[0]}`,
  ]
  it('stay text on every page: nothing runs, nothing is asked of another place, no element comes of them', async () => {
    const pages = pairs.map(
      (key) =>
        `#/pair?${new URLSearchParams(Object.entries(key).map(([name, value]): [string, string] => [name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), String(value)]))}`,
    )
    const visit = await site.visit('')
    const { page } = visit
    await visit.settled()
    for (const [at, place] of [...PLACES, ...pages].entries()) {
      // Another query makes the browser load it all anew.
      await page.goto(`${site.url}/?${at}${place}`)
      await visit.settled()
      const made = await page.evaluate(
        `document.querySelectorAll('#app img, #app script, #app svg, #app iframe, #app a:not([href^="#"]), #app [onerror], #app [onload]').length`,
      )
      expect([place.slice(0, 60), made]).toEqual([place.slice(0, 60), 0])
    }
    expect(visit.trouble).toEqual([])
    await visit.end()
  }, 120_000)

  it('are on the page as they are', async () => {
    const visit = await site.visit('#/incidents/h1')
    await visit.settled()
    expect(await visit.page.locator('h1').textContent()).toBe(MARKUP[1])
    expect(await visit.page.locator('.facts-list').textContent()).toContain(MARKUP[1])
    // What would turn the text round or hide in it is shown to be there.
    await visit.page.goto(`${site.url}/?again#/incidents/h7`)
    await visit.settled()
    expect(await visit.page.locator('h1').textContent()).toBe('\ufffdgnp.exe\ufffd\ufffd[31m')
    await visit.end()
  })

  it('in actions are sent as text, and shown as text', async () => {
    const visit = await site.visit('#/incidents/h1')
    const { page } = visit
    await page.getByRole('button', { name: 'Silence' }).click()
    await page.getByLabel('Why').fill(MARKUP[0]!)
    await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click()
    await page.getByText('The silence is in force').waitFor()
    expect(site.site.actions.at(-1)).toMatchObject({
      type: 'silence',
      reason: MARKUP[0],
      matchers: [`detector="\\"><script>alert(2)</script>"`, expect.any(String), expect.any(String)],
    })
    expect(visit.trouble).toEqual([])
    await visit.end()
  })

  it('on the map and in the list: a picture for people to look at', async () => {
    const visit = await site.visit('')
    await visit.settled()
    await visit.picture('hostile-map')
    await visit.page.keyboard.press('j')
    await visit.page.getByRole('button', { name: 'List' }).click()
    await visit.page.locator('.map-list table').waitFor()
    await visit.picture('hostile-list')
    const wide = await visit.page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect([visit.trouble, wide]).toEqual([[], 0])
    await visit.end()
  })

  it('a link out of the page leads to ATT&CK alone', async () => {
    await site.site.insert(record({ id: 'good', evidence: JSON.stringify({ technique: 'T1110.001' }) }))
    const visit = await site.visit('#/incidents/good')
    await visit.settled()
    const links = await visit.page.evaluate(
      `[...document.querySelectorAll('#app a')].map((one) => one.href).filter((href) => !href.startsWith(location.origin))`,
    )
    expect(links).toEqual(['https://attack.mitre.org/techniques/T1110/001/'])
    await visit.end()
  })
})
