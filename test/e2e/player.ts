/** Plays stretches of traffic to a pipeline that may be killed at any moment: what was not acknowledged is sent again, unchanged. */
import { setTimeout as delay } from 'node:timers/promises'
import { LogSender } from '../../demo/sender.ts'
import { PipelineProcess, type World } from './pipeline.ts'
import type { Stretch } from './traffic.ts'

export interface During {
  /** Before the records of the stretch, at its time. */
  sending?(): void | Promise<void>
  ticking?(): void
}

interface Running {
  pipeline: PipelineProcess
  sender: LogSender
}

export class Player {
  readonly #world: World
  #nowUs: number
  #running: Promise<Running>

  constructor(world: World, startUs: number) {
    this.#world = world
    this.#nowUs = startUs
    this.#running = this.#start()
  }

  /** One stretch: its time, its records, and once all of them are acknowledged the tick. */
  async play({ untilUs, bodies }: Stretch, during: During = {}): Promise<void> {
    this.#nowUs = untilUs
    await this.#until(({ pipeline }) => pipeline.setTime(untilUs))
    await during.sending?.()
    await Promise.all(bodies.map((body) => this.send(body)))
    during.ticking?.()
    await this.#until(({ pipeline }) => pipeline.tick())
  }

  /** Resolves when the body is acknowledged, however often it takes. */
  send(body: Buffer): Promise<void> {
    return this.#until(({ pipeline, sender }) => sender.send(body, pipeline.ended))
  }

  async ports(): Promise<PipelineProcess['ports']> {
    return (await this.#running).pipeline.ports
  }

  /** kill -9 of the whole process, and a new start on the same folder and ports. */
  async killPipeline(): Promise<void> {
    const { pipeline, sender } = await this.#running
    this.#running = pipeline.kill().then(() => {
      sender.close()
      return this.#start()
    })
    await this.#running
  }

  /** kill -9 of the database child, which the pipeline starts again by itself. */
  async killStore(): Promise<void> {
    for (;;) {
      const pid = await this.#until(({ pipeline }) => pipeline.storePid())
      if (pid !== undefined && killed(pid)) return
      await delay(20)
    }
  }

  async settleAndStop(): Promise<void> {
    const { pipeline, sender } = await this.#running
    await pipeline.settle(AbortSignal.timeout(60_000))
    await pipeline.stop()
    sender.close()
  }

  /** For the end of a test that failed half way. */
  async end(): Promise<void> {
    const running = await this.#running.catch(() => undefined)
    await running?.pipeline.kill()
    running?.sender.close()
  }

  async #start(): Promise<Running> {
    const pipeline = await PipelineProcess.start(this.#world, this.#nowUs)
    return { pipeline, sender: new LogSender(`127.0.0.1:${pipeline.ports.grpc}`) }
  }

  /** Does it until it succeeds; a failure is one of the pipeline's unless it was killed. */
  async #until<T>(act: (running: Running) => Promise<T>): Promise<T> {
    for (;;) {
      const running = await this.#running
      try {
        return await act(running)
      } catch (error) {
        if (running.pipeline.killed) continue
        throw running.pipeline.ended.aborted ? new Error('the pipeline ended by itself', { cause: error }) : error
      }
    }
  }
}

/** False where the process was gone by itself, between being named and this. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
