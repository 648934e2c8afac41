/** The pipeline as a child process: started, told the time, killed, started again on the same folder and ports. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_ROLES, type RoleName } from '../../cli/roles/role.ts'
import type { GroupLag } from '../../core/bus/bus.ts'
import { SECOND } from '../../core/clock.ts'
import { type ErrorCode, PipelineError } from '../../core/errors.ts'
import { settle } from '../../demo/settle.ts'
import { declaredObjects } from '../../demo/shop.ts'
import { freePorts } from '../harness/free-ports.ts'
import { noEngine } from '../storage/store.ts'

const CHILD = join(import.meta.dirname, 'pipeline-child.mjs')

/** Why no pipeline can run here; undefined where one can. */
export function noPipeline(): string | undefined {
  if (!existsSync(join(import.meta.dirname, '../../dist/cli/pipeline.js'))) {
    const reason = 'dist/ is not built (npm run build): tests of the whole pipeline are skipped'
    console.warn(reason)
    return reason
  }
  return noEngine()
}

export interface Changes {
  /** Where OTLP/gRPC listens; loopback by default. */
  host?: string
  quotas?: object
  bus?: object
  alerts?: object
  storage?: object
}

/** Configuration as JSON: defaults, free ports, and the demo's shop as policy. */
export async function newWorld({
  host = '127.0.0.1',
  quotas = {},
  bus = {},
  alerts = {},
  storage = {},
}: Changes = {}): Promise<World> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'eastwatch-e2e-'))
  mkdirSync(join(dataFolder, 'policy'))
  writeFileSync(join(dataFolder, 'policy', 'shop.json'), JSON.stringify(declaredObjects()))
  const [grpc, http, store, health, page] = await freePorts(5)
  return {
    dataFolder,
    config: {
      dataFolder,
      bus,
      alerts,
      collector: { grpcAddress: `${host}:${grpc}`, httpAddress: `127.0.0.1:${http}`, quotas },
      storage: { port: store, ...storage },
      console: { address: `127.0.0.1:${page}` },
      telemetry: { address: `127.0.0.1:${health}` },
    },
    remove: () => rmSync(dataFolder, { recursive: true, force: true }),
  }
}

export interface World {
  dataFolder: string
  config: object
  remove(): void
}

interface Answer {
  id?: number
  value?: unknown
  error?: { code?: ErrorCode; message: string; retriable: boolean }
  ports?: PipelineProcess['ports']
}

export class PipelineProcess {
  /** Those of roles that it does not run are undefined, and nobody asks for them. */
  readonly ports: { grpc: number; http: number; health: number; clickhouse: number }
  /** Aborts when the process is killed or has ended. */
  readonly ended: AbortSignal
  readonly #ending: AbortController
  /** True where the test ended it. */
  killed = false
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #asked = 0
  #nowUs: number

  private constructor(child: ChildProcess, ending: AbortController, ports: PipelineProcess['ports'], nowUs: number) {
    this.#child = child
    this.#ending = ending
    this.ended = ending.signal
    this.ports = ports
    this.#nowUs = nowUs
    child.on('message', ({ id, value, error }: Answer) => {
      const asked = this.#waiting.get(id ?? -1)
      this.#waiting.delete(id ?? -1)
      if (error === undefined) asked?.resolve(value)
      else asked?.reject(errorOf(error))
    })
    this.ended.addEventListener('abort', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the pipeline has ended'))
      this.#waiting.clear()
    })
  }

  /** Resolves when it answers on its ports. */
  static async start(world: World, nowUs: number, roles: readonly RoleName[] = ALL_ROLES): Promise<PipelineProcess> {
    const child = fork(CHILD, [JSON.stringify(world.config), String(nowUs), roles.join(',')], { execArgv: [] })
    const ending = new AbortController()
    child.once('exit', () => ending.abort())
    const failed = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the pipeline ended at its start with ${code}`)),
    )
    failed.catch(() => {
      // Told to whoever awaits the start.
    })
    const [{ ports }] = (await Promise.race([once(child, 'message'), failed])) as [Answer]
    return new PipelineProcess(child, ending, ports!, nowUs)
  }

  /** Sets the clock; it never goes back. */
  async setTime(us: number): Promise<void> {
    this.#nowUs = us
    await this.#ask('time', us)
  }

  /** Sets the clock, back as well. */
  async jump(us: number): Promise<void> {
    this.#nowUs = us
    await this.#ask('jump', us)
  }

  /** Puts on the clock by which the process watches itself. */
  async later(us: number): Promise<void> {
    await this.#ask('later', us)
  }

  async tick(): Promise<void> {
    await this.#ask('tick')
  }

  lag(): Promise<GroupLag[]> {
    return this.#ask('lag') as Promise<GroupLag[]>
  }

  /** Of the database child; undefined while it starts again. */
  storePid(): Promise<number | undefined> {
    return this.#ask('storePid') as Promise<number | undefined>
  }

  /** Until all that is in the log has gone through. Time goes on by some seconds. */
  settle(signal: AbortSignal): Promise<void> {
    const tick = async () => {
      await this.setTime(this.#nowUs + SECOND)
      await this.tick()
    }
    return settle({ tick, lag: () => this.lag(), signal: AbortSignal.any([signal, this.ended]) })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** It stands still, and nobody is told: SIGSTOP, until `resume`. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#gone) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    this.killed = true
    this.#ending.abort()
    await gone
  }

  /** A clean stop. */
  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.killed = true
    await this.#ask('stop')
    await gone
  }

  get #gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #ask(what: string, value?: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.ended.aborted || !this.#child.connected) {
        reject(new Error('the pipeline has ended'))
        return
      }
      this.#asked += 1
      const id = this.#asked
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, what, value }, (error) => {
        if (error !== null && this.#waiting.delete(id)) reject(error)
      })
    })
  }
}

/** As the child had it: so that what is worth another try is tried again here too. */
function errorOf({ code, message, retriable }: NonNullable<Answer['error']>): Error {
  return code === undefined ? new Error(message) : new PipelineError(code, message, { retriable })
}
