/** Runs the real `eastwatch` command, as it was built, in folders of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { stringify } from 'yaml'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const FREE = '127.0.0.1:0'

/** Defaults with free ports. */
export const FREE_PORTS = {
  collector: { grpcAddress: FREE, httpAddress: FREE },
  storage: { port: 0 },
  console: { address: FREE },
  telemetry: { address: FREE },
}

export interface Ended {
  code: number | null
  out: string
  err: string
}

export interface Started {
  child: ChildProcess
  out(): string
  err(): string
  ended: Promise<Ended>
}

/** A folder that holds this configuration as eastwatch.yaml. */
export function folderWith(config: object | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'eastwatch-cli-'))
  writeFileSync(join(folder, 'eastwatch.yaml'), typeof config === 'string' ? config : stringify(config))
  return folder
}

export function start(folder: string, args: string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // A test that gave up must not leave it running.
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  child.once('close', () => process.off('exit', end))
  let out = ''
  let err = ''
  child.stdout!.on('data', (text) => {
    out += text
  })
  child.stderr!.on('data', (text) => {
    err += text
  })
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  return { child, out: () => out, err: () => err, ended }
}

/** Tells them all to stop, by name, and waits. Throws what one said that does not. */
export async function stopAll(running: Iterable<[string, Started]>): Promise<void> {
  const all = [...running]
  for (const [, { child }] of all) child.kill('SIGTERM')
  for (const [name, { child, out, err, ended }] of all) {
    await until(() => child.exitCode !== null || child.signalCode !== null, 30_000).catch(() => {
      throw new Error(`${name} does not stop: ${out()}${err()}`)
    })
    const { code } = await ended
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${err()}`)
  }
}

export function eastwatch(folder: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return start(folder, args, env).ended
}

export interface Up extends Started {
  grpc: string
  http: string
  health: string
  clickhouse: string
  stop(): Promise<Ended>
}

/** `eastwatch up`, once it has said that it is up. */
export async function up(folder: string, env: Record<string, string> = {}): Promise<Up> {
  const started = start(folder, ['up'], env)
  const over = started.ended.then(({ err }) => {
    throw new Error(`it ended: ${err}`)
  })
  over.catch(() => {
    // Of no interest once it is up.
  })
  await Promise.race([over, until(() => started.out().includes('Ctrl-C'), 60_000)])
  const one = (pattern: RegExp) => pattern.exec(started.out())![1]!
  return {
    ...started,
    grpc: one(/(\S+) \(OTLP gRPC\)/),
    http: one(/(http:\S+) \(OTLP HTTP\)/),
    health: one(/(http:\S+)\/readyz/),
    clickhouse: one(/ClickHouse +(http:\S+)/),
    stop: () => {
      started.child.kill('SIGTERM')
      return started.ended
    },
  }
}

export function until(fact: () => boolean | Promise<boolean>, timeout = 20_000): Promise<void> {
  return vi.waitFor(
    async () => {
      if (!(await fact())) throw new Error('not in time')
    },
    { timeout, interval: 100 },
  )
}

/** Ids of processes that still run in a folder (a child inherits it): what a command must not leave behind. */
export function runningIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === folder
    } catch {
      return false
    }
  })
}
