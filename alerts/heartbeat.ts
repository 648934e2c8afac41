/**
 * Tells an external receiver each minute that Eastwatch lives, and only while it really does: while every part is ready and the log's
 * time still moves at the very end of the pipeline. One that is stuck anywhere falls silent like one that died; the receiver alerts
 * on silence.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Clock, MINUTE } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Health } from '../core/telemetry/health.ts'
import { unlessAborted } from '../core/waiting.ts'
import type { HeartbeatConfig } from './heartbeat-config.ts'
import { countHeartbeat, noteReached } from './metrics.ts'
import { post } from './notify/post.ts'

/** Longest time the watermark may stand still for the pipeline to count as alive. */
const ALIVE_WITHIN = MINUTE

/** Of several processes the one that owns this partition tells for all: what it watches is the same for each. */
const SPEAKER = 0

/** How far the end of the pipeline is: the least tick over the partitions that are this process's share. */
export class Progress {
  readonly #clock: Clock
  /** By partition; 0 until it has ticked. */
  readonly #times = new Map<number, number>()
  #movedAt = 0
  /** Epoch microseconds; 0 until every partition has ticked. */
  watermark = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** From now on these partitions are this process's share. */
  share(partitions: readonly number[]): void {
    for (const partition of [...this.#times.keys()]) if (!partitions.includes(partition)) this.#times.delete(partition)
    for (const partition of partitions) if (!this.#times.has(partition)) this.#times.set(partition, 0)
    this.#look()
  }

  observe(partition: number, time: number): void {
    const before = this.#times.get(partition)
    // An owner that has lost it meanwhile.
    if (before === undefined) return
    this.#times.set(partition, Math.max(before, time))
    this.#look()
  }

  get hasShare(): boolean {
    return this.#times.size > 0
  }

  has(partition: number): boolean {
    return this.#times.has(partition)
  }

  isAlive(): boolean {
    return this.watermark > 0 && this.#clock.now() - this.#movedAt <= ALIVE_WITHIN
  }

  #look(): void {
    const least = this.#times.size === 0 ? 0 : Math.min(...this.#times.values())
    if (least === this.watermark) return
    this.watermark = least
    this.#movedAt = this.#clock.now()
    if (least > 0) noteReached(least)
  }
}

export interface HeartbeatOptions {
  config: HeartbeatConfig
  progress: Progress
  /** What /readyz tells. */
  health: Pick<Health, 'read'>
  clock: Clock
  version: string
  logger: Logger
  /** Pause between heartbeats; each one is a minute's. */
  everyMs?: number
}

/** Runs until the signal aborts. A heartbeat that fails is not repeated: the next one is due soon enough. */
export async function runHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { config, progress, health, clock, version, logger } = options
  for (;;) {
    try {
      await delay(options.everyMs ?? MINUTE / 1000, undefined, { signal })
      if (!progress.has(SPEAKER)) continue
      const trouble = progress.isAlive()
        ? await unlessAborted(signal, troubleOf(health))
        : 'the log has not moved for a minute'
      if (trouble !== '') {
        countHeartbeat('withheld')
        logger.warn({ watermark: progress.watermark, trouble }, 'no heartbeat is sent')
        continue
      }
      const now = clock.now()
      await post(config, heartbeat(now, progress.watermark, version), signal)
      countHeartbeat('sent')
    } catch (error) {
      if (signal.aborted) return
      countHeartbeat('failed')
      logger.warn({ detail: messageOf(error) }, 'heartbeat failed')
    }
  }
}

/** '' where every part is ready. */
async function troubleOf(health: Pick<Health, 'read'>): Promise<string> {
  const { ready, parts } = await health.read()
  if (ready) return ''
  const told = Object.entries(parts).flatMap(([part, check]) => (check.ready ? [] : [`${part}: ${check.detail}`]))
  return told.join('; ') || 'nothing has started yet'
}

function heartbeat(now: number, watermark: number, version: string) {
  const body = {
    type: 'eastwatch.heartbeat',
    version: 1,
    eastwatch: version,
    time: new Date(now / 1000).toISOString(),
    watermark: new Date(Math.floor(watermark / 1000)).toISOString(),
    lagMs: Math.max(0, Math.round((now - watermark) / 1000)),
  }
  const seconds = Math.floor(now / 1_000_000)
  return { id: `heartbeat.${seconds}`, body: Buffer.from(JSON.stringify(body)), seconds }
}
