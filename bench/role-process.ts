/** Roles as processes of their own on a real Kafka, by the very commands that people use, each on the processor given. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RoleName } from '../cli/roles/role.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { declareShop } from './otlp-to-bus.ts'

const FREE = '127.0.0.1:0'
const BROKER_SCRIPT = join(import.meta.dirname, '../../scripts/kafka/main.mjs')
const MAIN = join(import.meta.dirname, '../cli/main.js')
const PARTITIONS = 4

export interface RoleProcess {
  pid: number
  /** What it said when it was up. */
  said: string
  stop(): Promise<void>
}

/** A broker with nothing in it, and a folder in which roles find each other through it. */
export class KafkaSite {
  readonly #folder = mkdtempSync(join(tmpdir(), 'eastwatch-bench-'))
  readonly brokers: string
  readonly brokerPid: number
  readonly #running: RoleProcess[] = []

  /** Without a processor the broker runs on any. */
  constructor(processor?: number) {
    const said = execFileSync(
      ...pinned(processor, process.execPath, [BROKER_SCRIPT, 'start', '--folder', this.#broker]),
      {
        encoding: 'utf8',
      },
    )
    this.brokers = said.trim().replace('KAFKA_BROKERS=', '')
    this.brokerPid = Number(readFileSync(join(this.#broker, 'pid'), 'utf8'))
    const kafka = { brokers: [this.brokers], replicationFactor: 1 }
    const config = {
      collector: { grpcAddress: FREE, httpAddress: FREE },
      storage: { port: 0 },
      telemetry: { address: FREE },
      bus: { partitions: PARTITIONS, kafka },
    }
    // JSON is YAML.
    writeFileSync(join(this.#folder, 'eastwatch.yaml'), JSON.stringify(config))
    mkdirSync(this.dataFolder, { recursive: true })
    declareShop(this.dataFolder)
  }

  get dataFolder(): string {
    return join(this.#folder, 'eastwatch-data')
  }

  get #broker(): string {
    return join(this.#folder, 'broker')
  }

  /** Resolves when it says that it is up. */
  async start(role: RoleName, processor?: number): Promise<RoleProcess> {
    const child = spawn(...pinned(processor, process.execPath, [...NODE_FLAGS, MAIN, role]), {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout!.on('data', (text) => {
        said += text
        if (said.includes('Ctrl-C')) resolve()
      })
      child.once('exit', (code) => reject(new Error(`${role} ended with ${code}`)))
    })
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      await exited
    }
    const running = { pid: child.pid!, said, stop }
    this.#running.push(running)
    return running
  }

  /** Bytes that the broker keeps of topics whose names the pattern fits. */
  bytesOf(pattern: RegExp): number {
    const data = join(this.#broker, 'data')
    const folders = readdirSync(data).filter((name) => pattern.test(name))
    return folders
      .flatMap((name) => readdirSync(join(data, name)).map((file) => join(data, name, file)))
      .filter((file) => file.endsWith('.log'))
      .reduce((sum, file) => sum + statSync(file).size, 0)
  }

  async stop(): Promise<void> {
    for (const running of this.#running.reverse()) await running.stop()
    execFileSync(process.execPath, [BROKER_SCRIPT, 'stop', '--folder', this.#broker], { stdio: 'ignore' })
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A command and its arguments, on that processor alone. */
export function pinned(processor: number | undefined, command: string, args: string[]): [string, string[]] {
  return processor === undefined ? [command, args] : ['taskset', ['-c', String(processor), command, ...args]]
}

export const grpcPortOf = ({ said }: RoleProcess): number => Number(/port (\d+) \(OTLP gRPC\)/.exec(said)![1])
export const healthOf = ({ said }: RoleProcess): number => Number(/127\.0\.0\.1:(\d+)\/readyz/.exec(said)![1])

/** Processes that it has started: storage's engine. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}
