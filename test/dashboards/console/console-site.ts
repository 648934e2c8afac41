/** The console on a real store, and a browser that is watched: what it must not do is in `trouble`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../../../bench/chromium.ts'
import type { OperatorRole } from '../../../core/action.ts'
import { ConsoleConfig } from '../../../dashboards/console/config.ts'
import { type ConsoleServer, serveConsole } from '../../../dashboards/console/server.ts'
import { Site } from '../../alerts/api/site.ts'
import { quietLogger } from '../../alerts/findings.ts'

export const PAGE = join(import.meta.dirname, '../../../dist/dashboards/console/page')
const OUTPUT = join(import.meta.dirname, '../../output/console')

export class ConsoleSite {
  readonly site: Site
  readonly url: string
  readonly browser: Browser
  readonly #server: ConsoleServer

  static async open(people: Record<string, [OperatorRole, ...string[]]> = {}): Promise<ConsoleSite> {
    const site = await Site.open(people)
    const config = ConsoleConfig.parse({ address: '127.0.0.1:0', tokens: site.people })
    const options = { config, context: site.context, version: '1.2.3', logger: quietLogger, page: PAGE }
    return new ConsoleSite(site, await serveConsole(options), await launchChromium())
  }

  private constructor(site: Site, server: ConsoleServer, browser: Browser) {
    this.site = site
    this.#server = server
    this.browser = browser
    this.url = `http://127.0.0.1:${server.port}`
  }

  visit(hash = '', options: BrowserContextOptions = {}): Promise<Visit> {
    return Visit.begin(this.browser, this.url, hash, options)
  }

  async stop(): Promise<void> {
    await this.browser.close()
    await this.#server.stop()
    await this.site.stop()
  }
}

export class Visit {
  readonly page: Page
  /** Scripts that ran, policies that were violated, errors, requests to elsewhere. Must stay empty. */
  readonly trouble: string[] = []

  static async begin(browser: Browser, url: string, hash: string, options: BrowserContextOptions): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: 'reduce',
      ...options,
    })
    const visit = new Visit(await context.newPage(), url)
    await visit.page.goto(`${url}/${hash}`)
    return visit
  }

  private constructor(page: Page, url: string) {
    this.page = page
    page.on('dialog', (dialog) => {
      this.trouble.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('pageerror', ({ message }) => this.trouble.push(`error: ${message}`))
    page.on('console', (message) => {
      // A refusal that a test brings about is told of in the page.
      const isAnswer = message.text().startsWith('Failed to load resource')
      if (['error', 'warning'].includes(message.type()) && !isAnswer) this.trouble.push(`console: ${message.text()}`)
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`)) this.trouble.push(`request to ${request.url()}`)
    })
  }

  /** What was loaded once is there. */
  async settled(): Promise<void> {
    await this.page.locator('main[aria-busy="false"]').waitFor()
  }

  /** As it is laid out: what is not shown is not in it. */
  text(selector: string): Promise<string> {
    // biome-ignore lint/performance/useDomNodeTextContent: what is shown is what is asked
    return this.page.locator(selector).innerText()
  }

  /** Kept with the test's output, for people to look at. */
  async picture(name: string): Promise<void> {
    mkdirSync(OUTPUT, { recursive: true })
    await this.page.screenshot({ path: join(OUTPUT, `${name}.png`) })
  }

  async end(): Promise<void> {
    await this.page.context().close()
  }
}
