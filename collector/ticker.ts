/** Tells every partition of `calls` the time, once a second by itself or by hand where a simulated clock drives. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, PipelineError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { CollectorMetrics } from './metrics.ts'
import type { Publisher } from './publisher.ts'

export interface TickerOptions {
  publisher: Publisher
  producer: string
  metrics: CollectorMetrics
  logger: Logger
  /** Told when `failure` changes. */
  onFailure?: ((reason: string | undefined) => void) | undefined
}

export class Ticker {
  readonly #options: TickerOptions
  /** Starts at the wall clock's milliseconds: ahead of any earlier run that ticked less than a thousand times a second. */
  #seq = Date.now()
  #timer: NodeJS.Timeout | undefined
  #underWay = false
  /** Why the last tick by itself could not be written; undefined where it was. */
  failure: string | undefined

  constructor(options: TickerOptions) {
    this.#options = options
  }

  /** Resolves when the tick is durable in every partition. */
  tick(leave = false): Promise<void> {
    this.#seq += 1
    return this.#options.publisher.tick({ producer: this.#options.producer, seq: this.#seq, leave })
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => {
      // A slow bus must not gather ticks: the next one says all that a missed one would.
      if (!this.#underWay) void this.#tickOrTell()
    }, everyMs)
  }

  async #tickOrTell(): Promise<void> {
    this.#underWay = true
    try {
      await this.tick()
      this.#setFailure(undefined)
    } catch (error) {
      this.#setFailure(messageOf(error))
      this.#options.metrics.add('ticksMissed', 1)
      this.#options.logger.warn({ reason: this.failure }, 'a tick could not be written; the next one follows')
    } finally {
      this.#underWay = false
    }
  }

  #setFailure(reason: string | undefined): void {
    if (reason === this.failure) return
    this.failure = reason
    this.#options.onFailure?.(reason)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** The collector's id: made once and kept in the data folder, because it must outlive restarts. */
export function collectorId(dataFolder: string): string {
  const path = join(dataFolder, 'collector-id')
  try {
    mkdirSync(dataFolder, { recursive: true })
    writeFileSync(path, `${randomUUID()}\n`, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error)
  }
  try {
    const id = readFileSync(path, 'utf8').trim()
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) throw new Error('it holds no id; delete it to have a new one made')
    return id
  } catch (error) {
    throw unusable(path, error)
  }
}

function unusable(path: string, cause: unknown): PipelineError {
  return new PipelineError('folder_unusable', `collector id ${path} cannot be kept: ${messageOf(cause)}`, { cause })
}
