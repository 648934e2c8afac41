/** Starts one real Envoy per pod and ends every one of them, whatever becomes of the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const START_TIMEOUT_MS = 20_000

export interface Sidecar {
  stop(): Promise<void>
}

/**
 * The shell kills Envoy as soon as its own standard input closes: that happens when the test stops it, and also when the test
 * process is killed, so no proxy outlives it.
 */
const GUARD = '"$@" 0</dev/null & proxy=$!; cat >/dev/null; kill -9 $proxy 2>/dev/null; wait $proxy 2>/dev/null; true'

export async function startSidecar(binary: string, folder: string, name: string, config: object): Promise<Sidecar> {
  const configFile = join(folder, `${name}.json`)
  const adminFile = join(folder, `${name}.admin`)
  writeFileSync(configFile, JSON.stringify(config, undefined, 1))
  const flags = [
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '--log-level',
    'error',
    '--admin-address-path',
    adminFile,
  ]
  const guard = spawn('sh', ['-c', GUARD, 'sh', binary, '-c', configFile, ...flags], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let said = ''
  guard.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-4000)
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await isReady(adminFile))) {
    if (Date.now() > deadline || said.includes('[critical]')) {
      await stop(guard)
      throw new Error(`the sidecar of ${name} did not start: ${said}`)
    }
    await delay(50)
  }
  return { stop: () => stop(guard) }
}

async function isReady(adminFile: string): Promise<boolean> {
  if (!existsSync(adminFile)) return false
  try {
    return (await fetch(`http://${readFileSync(adminFile, 'utf8').trim()}/ready`)).ok
  } catch {
    return false
  }
}

async function stop(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null) return
  const gone = once(guard, 'exit')
  guard.stdin!.end()
  await gone
}
