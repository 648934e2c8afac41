/** A real OpenTelemetry Collector for a test, by the very script that people use: scripts/otelcol/main.mjs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePorts } from '../harness/free-ports.ts'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, '../../scripts/otelcol/main.mjs')
const READY_MS = 30_000
const LOOK_MS = 50

/** The program, or a sentence that says why there is none here. */
export async function requireOtelcol(): Promise<{ program: string } | { missing: string }> {
  try {
    const { stdout } = await run(process.execPath, [SCRIPT])
    return { program: stdout.trim().replace('OTELCOL=', '') }
  } catch (error) {
    return { missing: (error as { stderr: string }).stderr.trim().split('\n').at(-1) ?? '' }
  }
}

/** How it judges a configuration. */
export async function validate(program: string, file: string): Promise<{ code: number; said: string }> {
  try {
    await run(program, ['validate', '--config', file])
    return { code: 0, said: '' }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, said: stderr.trim() }
  }
}

export interface Otelcol {
  /** Where it takes OTLP over HTTP. */
  readonly port: number
  /** SIGTERM; resolves when it has ended, with all that was queued sent. */
  stop(): Promise<void>
}

/** Resolves once it takes OTLP over HTTP. `configure` writes its configuration for the port. */
export async function startOtelcol(program: string, configure: (port: number) => object): Promise<Otelcol> {
  const [port] = (await freePorts(1)) as [number]
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-otelcol-'))
  const file = join(folder, 'config.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(configure(port)))
  const child = spawn(program, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  try {
    await ready(child, port, () => said)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    port,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function ready(child: ChildProcess, port: number, said: () => string): Promise<void> {
  const giveUp = AbortSignal.timeout(READY_MS)
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the Collector ended with ${child.exitCode}: ${said()}`)
    if (giveUp.aborted) throw new Error(`the Collector took nothing within ${READY_MS / 1000} s: ${said()}`)
    const answer = await fetch(`http://127.0.0.1:${port}/v1/logs`).catch(() => undefined)
    if (answer !== undefined) return
    await delay(LOOK_MS)
  }
}
