/** A real browser for tests. `.ci/run` installs it. */
import { chromiumPath } from '../../bench/chromium.ts'

/** Why tests with a browser cannot run here; undefined where they can. In CI they must. */
export function noChromium(): string | undefined {
  if (chromiumPath() !== undefined) return undefined
  const reason =
    'there is no chromium here (apt-get install chromium, or CHROMIUM=<file>): tests of the page are skipped'
  if (process.env.CI !== undefined) throw new Error(reason)
  console.warn(reason)
  return reason
}
