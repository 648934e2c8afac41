/** A real browser for tests: Debian's chromium, or the one that CHROMIUM names. `.ci/run` installs it. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

export function chromiumPath(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env
  const found = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return [...(CHROMIUM === undefined ? [] : [CHROMIUM]), ...found].find((file) => existsSync(file))
}

/** Why tests with a browser cannot run here; undefined where they can. In CI they must. */
export function noChromium(): string | undefined {
  if (chromiumPath() !== undefined) return undefined
  const reason =
    'there is no chromium here (apt-get install chromium, or CHROMIUM=<file>): tests of the page are skipped'
  if (process.env.CI !== undefined) throw new Error(reason)
  console.warn(reason)
  return reason
}

export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath()!
  // In a container it runs as root, where its sandbox cannot; it visits the test's own page only.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
