/**
 * A real OpenTelemetry Collector for tests, without containers, from the modules of builder.yaml.
 *
 *   npm run otelcol      builds it where it is not there yet; prints OTELCOL=<path of the program>
 *
 * Go's toolchain builds it, once, into .cache/otelcol, and keeps what it compiled in its own cache.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const TEXT = readFileSync(join(import.meta.dirname, 'builder.yaml'), 'utf8')
const VERSION = /^ {2}version: ([\d.]+)$/m.exec(TEXT)[1]
const CACHE = join(import.meta.dirname, '../../.cache/otelcol')
/** Another manifest is another program. */
const FOLDER = join(CACHE, `${VERSION}-${createHash('sha256').update(TEXT).digest('hex').slice(0, 8)}`)
const PROGRAM = join(FOLDER, 'otelcol')
const BUILD_MS = 900_000

const run = promisify(execFile)

class Refusal extends Error {}

async function requireGo() {
  await run('go', ['version']).catch(() => {
    throw new Refusal("the Collector is built by Go's toolchain, and there is no go here; install it")
  })
}

/** Builds beside the final folder and renames, so that two runs at once both end with a whole one. */
async function requireProgram() {
  if (existsSync(PROGRAM)) return
  await requireGo()
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'build-'))
  console.error(`building the OpenTelemetry Collector ${VERSION}, once ...`)
  const builder = `go.opentelemetry.io/collector/cmd/builder@v${VERSION}`
  const output = join(work, 'out')
  try {
    const env = { ...process.env, GOFLAGS: '-mod=mod -p=2', CGO_ENABLED: '0' }
    const options = { cwd: work, env, timeout: BUILD_MS, maxBuffer: 64 * 1024 * 1024 }
    const manifest = join(work, 'builder.yaml')
    writeFileSync(manifest, TEXT.replace(/^dist:$/m, `dist:\n  output_path: ${JSON.stringify(output)}`))
    await run('go', ['run', builder, '--config', manifest], options)
    renameSync(output, FOLDER)
  } catch (error) {
    if (existsSync(PROGRAM)) return
    const said = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .slice(-3)
      .join(' ')
    throw new Refusal(`the Collector ${VERSION} cannot be built: ${said || error.message}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

try {
  await requireProgram()
  console.log(`OTELCOL=${PROGRAM}`)
} catch (error) {
  console.error(`otelcol: ${error.message}`)
  process.exitCode = 1
}
