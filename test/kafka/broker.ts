/** A broker of its own for a test file, by the very script that people use: scripts/kafka/main.mjs. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, '../../scripts/kafka/main.mjs')
const LOOK_MS = 20

export interface Broker {
  /** host:port; the same over restarts. */
  readonly brokers: string
  /** Starts it again, with all that it held. */
  start(): Promise<void>
  /** SIGKILL, and gone when this resolves. */
  kill(): Promise<void>
  /** It stands still, with all of its connections: SIGSTOP, until `resume`. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** What the script says and how it ends; never rejects. */
export async function kafka(...args: string[]): Promise<{ code: number; said: string; error: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [SCRIPT, ...args])
    return { code: 0, said: stdout.trim(), error: stderr.trim() }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, said: stdout.trim(), error: stderr.trim() }
  }
}

/** A broker with nothing in it, or a sentence that says why there is none here. */
export async function startBroker(): Promise<Broker | { missing: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-kafka-'))
  const start = () => kafka('start', '--folder', folder)
  const { code, said, error } = await start()
  if (code !== 0) return { missing: error }
  const pid = () => Number(readFileSync(join(folder, 'pid'), 'utf8'))
  return {
    brokers: said.replace('KAFKA_BROKERS=', ''),
    async start() {
      const again = await start()
      if (again.code !== 0) throw new Error(again.error)
    },
    async kill() {
      const killed = pid()
      process.kill(killed, 'SIGKILL')
      while (isRunning(killed)) await delay(LOOK_MS)
    },
    pause: () => void process.kill(pid(), 'SIGSTOP'),
    resume: () => void process.kill(pid(), 'SIGCONT'),
    async stop() {
      await kafka('stop', '--folder', folder)
    },
  }
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] !== 'Z'
  } catch {
    return false
  }
}
