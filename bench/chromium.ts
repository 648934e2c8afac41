/** A real browser: Debian's chromium, or the one that CHROMIUM names. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

export function chromiumPath(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env
  const found = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return [...(CHROMIUM === undefined ? [] : [CHROMIUM]), ...found].find((file) => existsSync(file))
}

/** Throws where there is none. */
export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (executablePath === undefined)
    throw new Error('there is no chromium: apt-get install chromium, or CHROMIUM=<file>')
  // In a container it runs as root, where its sandbox cannot; it visits the console only.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
