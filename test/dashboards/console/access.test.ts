/** Who gets in, what they may do, and what the server says to a browser. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noChromium } from '../../harness/chromium.ts'
import { noEngine } from '../../storage/store.ts'
import { ConsoleSite, PAGE } from './console-site.ts'
import { INCIDENT, shop } from './worlds.ts'

/** Named by their content. */
const ASSETS = readdirSync(join(PAGE, 'assets'))
  .sort()
  .map((name) => `/assets/${name}`)
/** Of a configuration, and whatever somebody writes there. */
const ODD = `"><script>alert(1)</script>&quot;'{session}$&`

const cannot = noEngine() ?? noChromium()

describe.skipIf(cannot !== undefined)('the console with tokens', { timeout: 60_000 }, () => {
  let site: ConsoleSite
  beforeAll(async () => {
    site = await ConsoleSite.open({
      ruth: ['reader'],
      ada: ['operator'],
      banker: ['operator', 'bank'],
      odd: ['reader', ODD],
    })
    await shop({ store: site.site.store, insert: (...records) => site.site.insert(...records) })
  })
  afterAll(() => site.stop())

  const logInAs = async (name: string, hash = '') => {
    const visit = await site.visit(hash)
    await visit.page.getByLabel('Token').fill(site.site.tokens[name]!)
    await visit.page.getByRole('button', { name: 'Log in' }).click()
    await visit.settled()
    return visit
  }

  it('asks for a token, says that one is wrong, and leads on to where one wanted to go', async () => {
    const visit = await site.visit(`#/incidents/${INCIDENT}`)
    const { page } = visit
    await page.getByLabel('Token').fill('ewt_wrong')
    await page.keyboard.press('Enter')
    await page.getByText('This token is not known.').waitFor()
    await visit.picture('login')
    await page.getByLabel('Token').fill(site.site.tokens.ada!)
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'frontend is denied at auth' }).waitFor()
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ name: 'eastwatch_session', httpOnly: true, sameSite: 'Strict' })
    // What a script could read holds nothing to get in with.
    expect(await page.evaluate('JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])')).toBe(
      '["",{},{}]',
    )
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Token').waitFor()
    expect(await page.context().cookies()).toEqual([])
    expect(visit.trouble).toEqual([])
    await visit.end()
  })

  it('a reader sees no buttons that act', async () => {
    const visit = await logInAs('ruth', `#/incidents/${INCIDENT}`)
    await visit.page.locator('h1', { hasText: 'frontend is denied at auth' }).waitFor()
    for (const name of ['Acknowledge', 'Silence', 'Resolve', 'Accept as normal']) {
      expect(await visit.page.getByRole('button', { name }).count()).toBe(0)
    }
    await visit.page.goto(`${site.url}/#/silences`)
    await visit.page.getByText('moves to another provider').waitFor()
    expect(await visit.page.getByRole('button', { name: /End it|New silence/ }).count()).toBe(0)
    await visit.end()
  })

  it('whoever is limited to namespaces sees nothing of others', async () => {
    const visit = await logInAs('banker')
    await visit.page.getByText('No calls in the last 3 hours').waitFor()
    await visit.page.goto(`${site.url}/#/incidents/${INCIDENT}`)
    await visit.page.getByText('There is no such incident, or it is not yours to see.').waitFor()
    await visit.end()
  })

  it('a session that has ended leads back to the log-in', async () => {
    const visit = await logInAs('ada', '#/incidents')
    await visit.page.context().clearCookies()
    await visit.page.getByLabel('Least severity').selectOption('critical')
    await visit.page.getByText('Your session has ended: log in again.').waitFor()
    await visit.end()
  })

  it('an action without the token of the page is refused, and the page says so', async () => {
    const visit = await logInAs('ada', `#/incidents/${INCIDENT}`)
    await visit.page.route('**/acknowledge', (route) => {
      const headers = { ...route.request().headers(), 'x-eastwatch-csrf': 'made up' }
      return route.continue({ headers })
    })
    await visit.page.getByRole('button', { name: 'Acknowledge' }).click()
    await visit.page.getByLabel('Why').fill('mine')
    await visit.page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click()
    await visit.page.getByText(/It was not done: .*load the page again/).waitFor()
    expect(site.site.actions).toEqual([])
    await visit.end()
  })

  it('every answer carries the strict policy; nothing of it is kept by others', async () => {
    for (const path of ['/', ...ASSETS, '/icon.svg', '/licenses.txt', '/api/v1/session', '/nothing']) {
      const { headers } = await fetch(site.url + path)
      const policy = headers.get('content-security-policy')!
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(policy).not.toMatch(/unsafe|\*|data:|https?:/)
      expect([path, headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual([
        path,
        'nosniff',
        'no-referrer',
      ])
      // A name stands for one content; a browser may keep that, and nobody between.
      expect(headers.get('cache-control')).toMatch(
        path.startsWith('/assets/') ? /^private, max-age=31536000, immutable$/ : /^no-/,
      )
    }
  })

  it('files come compressed to whoever takes that, and are the same', async () => {
    expect(ASSETS.map((path) => path.replace(/-[\w-]{8}\./, '.'))).toEqual([
      '/assets/chart.js',
      '/assets/main.js',
      '/assets/map-graph.js',
      '/assets/style.css',
    ])
    for (const path of ASSETS) {
      const text = async (encoding: string) => {
        const answer = await fetch(site.url + path, { headers: { 'accept-encoding': encoding } })
        return [answer.headers.get('content-encoding'), await answer.text()]
      }
      const [, plain] = await text('identity')
      expect(await text('gzip')).toEqual(['gzip', plain])
      expect(await text('identity')).toEqual([null, plain])
    }
  })

  it('the page says who asked for it, and to nobody anything', async () => {
    const sessionIn = (html: string) => /<meta name="session" content="([^"]*)" \/>/.exec(html)![1]
    expect(sessionIn(await (await fetch(site.url)).text())).toBe('')
    const visit = await logInAs('odd')
    expect(JSON.parse((await visit.page.locator('meta[name="session"]').getAttribute('content'))!)).toMatchObject({
      name: 'odd',
      role: 'reader',
      namespaces: [ODD],
      csrf: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(visit.trouble).toEqual([])
    await visit.end()
  })

  it.each([
    '/../../../package.json',
    '/%2e%2e/%2e%2e/operations.js',
    '/assets/../index.html',
    '/assets/..%2findex.html',
    '/assets/',
    '/index.html',
    '/.hidden',
    '/tsconfig.json',
    '/dom.ts',
    '/incidents/..%2f..%2fx/y',
  ])('gives out nothing but the page: %s', async (path) => {
    const { request } = await import('node:http')
    const status = await new Promise((resolve) => {
      // fetch would tidy the path before it is sent.
      request(`${site.url}`, { path }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).end()
    })
    expect(status).toBeGreaterThanOrEqual(400)
  })

  it('an incident that a message links to leads into the page, whatever it is called', async () => {
    const { status, headers } = await fetch(`${site.url}/incidents/${encodeURIComponent('//evil.example/<x>')}`, {
      redirect: 'manual',
    })
    expect([status, headers.get('location')]).toEqual([302, `/#/incidents/${encodeURIComponent('//evil.example/<x>')}`])
  })
})
