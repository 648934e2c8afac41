/** Programs for tests that Go's toolchain builds, once, into .cache; it keeps what it compiled in its own cache. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const BUILD_MS = 900_000

const run = promisify(execFile)

/**
 * Prints `variable=path` of the program `name`, built where it is not there yet; on failure one line that says what to do.
 * `text` is all that it is made of: another text is another program. `build` is given a folder to work in, the folder that the program
 * is to be in, and `go`, which runs Go's toolchain.
 */
export async function provide({ variable, title, name, version, text, build }) {
  const cache = join(import.meta.dirname, '../.cache', name)
  const folder = join(cache, `${version}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`)
  try {
    if (!existsSync(join(folder, name))) await buildOnce({ title, cache, folder, name, version, build })
    console.log(`${variable}=${join(folder, name)}`)
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}

/** Builds beside the final folder and renames, so that two runs at once both end with a whole one. */
async function buildOnce({ title, cache, folder, name, version, build }) {
  await run('go', ['version']).catch(() => {
    throw new Error(`${title} is built by Go's toolchain, and there is no go here; install it`)
  })
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'build-'))
  console.error(`building ${title} ${version}, once ...`)
  const output = join(work, 'out')
  const env = { ...process.env, CGO_ENABLED: '0' }
  const go = (args, flags, cwd = work) =>
    run('go', args, { cwd, env: { ...env, GOFLAGS: flags }, timeout: BUILD_MS, maxBuffer: 64 * 1024 * 1024 })
  try {
    await build({ work, output, go })
    renameSync(output, folder)
  } catch (error) {
    if (existsSync(join(folder, name))) return
    const said = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .slice(-3)
      .join(' ')
    throw new Error(`${title} ${version} cannot be built: ${said || error.message}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
