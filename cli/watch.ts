/** What /readyz and /metrics tell of the process as a whole; each role has its own beside it. */
import { metrics } from '@opentelemetry/api'
import type { Bus, RequiredGroup } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Health } from '../core/telemetry/health.ts'
import { findingRecords } from '../detectors/engine/outputs.ts'
import { LagWatch } from './lag-watch.ts'
import { TroubleWatch } from './trouble-watch.ts'

export interface Watched {
  bus: Bus
  /** That must go on. */
  groups: readonly RequiredGroup[]
  /** Whether what is wrong for long is told as an incident: by alerts' processes, which watch the groups of all others. */
  tells: boolean
  /** The log's. */
  clock: Clock
  /** Of the process, whoever drives the log's time: this is about it, not about its records. */
  watchClock: Clock
  logger: Logger
}

const OBSERVE_MS = 5_000

/** Until the returned function is called. */
export function watchProcess(health: Health, watched: Watched): () => void {
  const { bus, watchClock } = watched
  const groups = new LagWatch(watchClock, watched.groups)
  const troubles = new TroubleWatch(watchClock)
  const stopping = new AbortController()
  health.register('groups', async () => groups.check(await bus.lag()))
  registerMetrics(bus)
  const timer = setInterval(() => void look(health, troubles, watched, stopping.signal), OBSERVE_MS)
  timer.unref()
  return () => {
    stopping.abort()
    clearInterval(timer)
  }
}

/** Reading each part's health is what lets it see whether it goes on. */
async function look(
  health: Health,
  troubles: TroubleWatch,
  { bus, tells, clock, logger }: Watched,
  stopping: AbortSignal,
): Promise<void> {
  const { start: _, ...parts } = (await health.read()).parts
  if (stopping.aborted || !tells) return
  const findings = troubles.observe(parts, clock.now())
  if (findings.length === 0) return
  try {
    await bus.publish(findingRecords(findings, bus.partitions(TOPIC.findings)))
  } catch (error) {
    logger.error({ detail: messageOf(error) }, 'what is wrong could not be told as an incident')
  }
}

function registerMetrics(bus: Bus): void {
  const meter = metrics.getMeter('eastwatch.pipeline')
  meter
    .createObservableGauge('eastwatch_group_lag_records', {
      description: 'Records of the log that a group has not committed yet.',
    })
    .addCallback(async (result) => {
      for (const { topic, partition, group, committed, end } of await bus.lag()) {
        result.observe(end - committed, { topic, partition, group })
      }
    })
  meter
    .createObservableGauge('eastwatch_log_bytes', {
      unit: 'By',
      description: 'Bytes the embedded log holds on disk, about.',
    })
    .addCallback((result) => {
      for (const [topic, bytes] of bus.bytesUsed?.() ?? []) result.observe(bytes, { topic })
    })
}
