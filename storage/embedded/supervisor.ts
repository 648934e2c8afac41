/**
 * Keeps the store's child process running: starts it, waits until it answers, starts it again after a crash with back-off, stops
 * it. The writer's password is made anew at each start of the program and stays over restarts of the child, as the port does.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { backoffMs } from '../../core/retry.ts'
import type { RunningStore } from '../running-store.ts'
import { checkEngine } from './check.ts'
import { mayBeRunning } from './endpoint.ts'
import type { QueryLimits } from './engine.ts'
import type { ChildMessage, StartMessage } from './messages.ts'
import { WRITER } from './request.ts'

export interface EmbeddedOptions {
  /** The compiled storage/embedded/server.js. */
  entry: string
  /** Data folder of the program. */
  folder: string
  port: number
  readerPassword: string
  limits: QueryLimits
  readsAtOnce: number
  logger: Logger
}

/** Reached over the HTTP interface. */
export interface EmbeddedStore extends RunningStore {
  pid(): number | undefined
  restarts(): number
}

const START_MS = 120_000
const STOP_MS = 10_000
/** The store of a killed program may still be letting go of the folder or the port. */
const FIRST_ATTEMPTS_MS = 15_000
/** Queries wait in these threads, and so does the work of node itself. */
const THREADS = 16
/** The child's heap is small: one thread collects it in 2 ms. Several, beside a busy engine, took up to a fifth of all its CPU. */
const NODE_OPTIONS = ['--single-threaded-gc']
const MAX_ATTEMPTS = 20
const BACKOFF = { firstMs: 100, maxMs: 2_000 }
/** A child that ran so long starts the back-off anew. */
const STEADY_MS = 5_000

/** Resolves when the store answers. Rejects with the child's reason: `folder_unusable`, `port_in_use`, `config`. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedStore> {
  const start: StartMessage = {
    type: 'start',
    folder: options.folder,
    port: options.port,
    writerPassword: randomBytes(24).toString('base64url'),
    readerPassword: options.readerPassword,
    limits: options.limits,
    readsAtOnce: options.readsAtOnce,
  }
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let restarts = 0

  const first = await untilStarted(options.folder, () => spawnChild(options.entry, start))
  child = first.child
  start.port = first.port
  const kept = keep(first.child)
  // Stopping is no failure: then `failed` stays open.
  const failed = kept.then(() => new Promise<never>(() => {}))
  failed.catch(() => {
    // Told to whoever awaits it.
  })
  const url = `http://127.0.0.1:${start.port}`
  return {
    url,
    username: WRITER,
    password: start.writerPassword,
    check: () => checkEngine(url, child?.pid, restarts),
    pid: () => child?.pid,
    restarts: () => restarts,
    failed,
    stop: async () => {
      stopping.abort()
      await stopChild(child)
      await kept.catch(() => {})
    },
  }

  function tellOverdue(message: ChildMessage): void {
    if (message.type !== 'overdue') return
    options.logger.error(
      { sql: message.sql },
      'a query of the read-only user is far beyond storage.query.maxSeconds and cannot be stopped; the store process is ended',
    )
  }

  /** Until stopped. Rejects when restarts fail again and again. */
  async function keep(running: ChildProcess): Promise<void> {
    let current = running
    for (let attempt = 1; ; attempt += 1) {
      const since = performance.now()
      current.on('message', tellOverdue)
      const how = await exited(current)
      child = undefined
      if (stopping.signal.aborted) return
      if (performance.now() - since > STEADY_MS) attempt = 1
      const pauseMs = backoffMs(attempt, BACKOFF)
      options.logger.error(
        { how, pauseMs: Math.round(pauseMs) },
        'the store process ended unexpectedly; it is started again',
      )
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      try {
        current = (await spawnChild(options.entry, start)).child
      } catch (error) {
        options.logger.error({ error: messageOf(error) }, 'the store process cannot start')
        if (attempt >= MAX_ATTEMPTS) throw error
        continue
      }
      restarts += 1
      child = current
      if (stopping.signal.aborted) await stopChild(current)
    }
  }
}

async function untilStarted<T>(folder: string, start: () => Promise<T>): Promise<T> {
  const leftOver = mayBeRunning(folder)
  const until = performance.now() + FIRST_ATTEMPTS_MS
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start()
    } catch (error) {
      const again = error instanceof PipelineError && (error.retriable || (leftOver && error.code === 'port_in_use'))
      if (!again || performance.now() > until) throw error
      await delay(backoffMs(attempt, { firstMs: 100, maxMs: 1_000 }))
    }
  }
}

/** Resolves when the child answers. */
function spawnChild(entry: string, start: StartMessage): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(entry, [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: NODE_OPTIONS,
    env: { ...process.env, UV_THREADPOOL_SIZE: String(THREADS) },
  })
  // It ends with this process by itself, unless it stands still.
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  child.once('close', () => process.off('exit', end))
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new PipelineError('folder_unusable', `the store in ${start.folder} did not open in ${START_MS / 1000} s`))
    }, START_MS)
    const settle = (act: () => void) => {
      clearTimeout(timer)
      child.removeAllListeners('message')
      child.removeAllListeners('exit')
      act()
    }
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'ready') settle(() => resolve({ child, port: message.port }))
      else if (message.type === 'failed') {
        const { code, message: text, retriable } = message
        settle(() => reject(new PipelineError(code, text, { retriable })))
      }
    })
    child.once('exit', (code, signal) => {
      settle(() => reject(new PipelineError('folder_unusable', `the store process ended at start (${signal ?? code})`)))
    })
    child.once('error', (cause) => {
      settle(() =>
        reject(new PipelineError('config', `the store process cannot be started: ${cause.message}`, { cause })),
      )
    })
    child.send(start)
  })
}

function exited(child: ChildProcess): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve(String(child.signalCode ?? child.exitCode))
  }
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(String(signal ?? code)))
  })
}

async function stopChild(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = exited(child)
  if (child.connected) child.send({ type: 'stop' })
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(timer)
}
