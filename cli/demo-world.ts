/** The demo's world on a pipeline: the simulated shop sends to it, and its time is the log's. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { TOPIC } from '../core/bus/topics.ts'
import { MINUTE, SECOND, SharedClock } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { settle, settleTopic } from '../demo/settle.ts'
import { declaredObjects } from '../demo/shop.ts'
import { type Story, storyUs } from '../demo/simulation.ts'
import type { WorkerInput, WorkerMessage } from '../demo/worker.ts'
import type { EastwatchConfig } from './config.ts'
import { type Pipeline, startPipeline } from './pipeline.ts'

export interface DemoWorld {
  pipeline: Pipeline
  /**
   * Resolves when the story is over, all of it is judged and stored, and life that goes on has come up to now; rejects with the signal's
   * reason, or what went wrong.
   */
  told: Promise<void>
  /** That were acknowledged so far. */
  records(): number
  stop(): Promise<void>
}

export interface DemoOptions {
  config: EastwatchConfig
  story: Story
  /** Life goes on after the story's end. */
  live: boolean
  /** Of simulated time since the start. */
  onProgress?: (atUs: number) => void
}

/**
 * What is told last goes all the way through only as the log's time goes on, about two minutes of it. Where life goes on, it does so by these
 * minutes more of life, second by second; else by ticks alone, which leave the log ahead of the clock.
 */
const CATCH_UP_US = 3 * MINUTE
/** Life that is told no later than this has come up to now. */
const NOW_US = 2 * SECOND

/** Resolves when the pipeline is up; the story ends about now. */
export async function startDemoWorld(
  { config, story, live, onProgress }: DemoOptions,
  signal: AbortSignal,
): Promise<DemoWorld> {
  mkdirSync(join(config.dataFolder, config.policy.folder), { recursive: true })
  writeFileSync(join(config.dataFolder, config.policy.folder, 'shop.json'), JSON.stringify(declaredObjects()))
  const done = new AbortController()
  const either = AbortSignal.any([signal, done.signal])
  const originUs = Date.now() * 1000 - storyUs(story) - (live ? CATCH_UP_US : 0)
  const clock = new SharedClock()
  clock.set(originUs)
  const logger = createLogger(config.logLevel)
  const pipeline = await startPipeline({ config, clock, ticking: false, logger }, either)
  const target = `127.0.0.1:${pipeline.ports.grpc}`
  const input: WorkerInput = { target, originUs, endUs: storyUs(story), story, live }
  let records = 0
  let isSettling = false
  let goOn = () => {}
  const worker = new Worker(new URL('../demo/worker.js', import.meta.url), { workerData: input })
  let end = () => {}
  let comeUpToNow = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  const upToNow = new Promise<void>((resolve) => (comeUpToNow = resolve))
  const answer = async (message: WorkerMessage) => {
    if (isSettling && message.type === 'time') await new Promise<void>((resolve) => (goOn = resolve))
    if (message.type === 'time') clock.set(originUs + message.atUs)
    if (message.type === 'done') {
      records += message.records
      await pipeline.tick()
      onProgress?.(message.atUs)
      if (originUs + message.atUs > Date.now() * 1000 - NOW_US) comeUpToNow()
    }
    if (message.type === 'end') {
      isSettling = live
      end()
    }
    worker.postMessage('go')
  }
  const failed = new Promise<never>((_, reject) => {
    worker.on('message', (message: WorkerMessage) => answer(message).catch(reject))
    worker.on('error', reject)
    pipeline.stopped.catch(reject)
    either.addEventListener('abort', () => reject(either.reason))
  })
  const tick = async () => {
    if (live) return goOn()
    clock.set(clock.now() + SECOND)
    await pipeline.tick()
  }
  const tellAll = async () => {
    await Promise.race([ended, failed])
    await settle({ tick, lag: pipeline.lag, signal: either })
    isSettling = false
    goOn()
    if (!live) return
    // Whoever is told looks at once, and should not see life as it was minutes ago on a pipeline that is busy with what was put off.
    await Promise.race([upToNow, failed])
    await settleTopic(TOPIC.calls, { tick: async () => {}, lag: pipeline.lag, signal: either })
  }
  const told = tellAll()
  told.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    pipeline,
    told,
    records: () => records,
    async stop() {
      await worker.terminate()
      done.abort()
      await pipeline.stopped.catch(() => {})
    },
  }
}
