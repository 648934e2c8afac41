/** What /readyz and /metrics tell of the pipeline as a whole; each part has its own metrics beside it. */
import { metrics } from '@opentelemetry/api'
import type { Progress } from '../alerts/heartbeat.ts'
import { counted } from '../alerts/words.ts'
import type { RunningCollector } from '../collector/app.ts'
import { observeCollector } from '../collector/metrics.ts'
import type { Bus } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Check, Health } from '../core/telemetry/health.ts'
import type { StageCounts } from '../detectors/engine/counts.ts'
import { findingRecords } from '../detectors/engine/outputs.ts'
import type { EmbeddedStore } from '../storage/embedded/supervisor.ts'
import { LagWatch } from './lag-watch.ts'
import { TimeWatch } from './time-watch.ts'
import { TroubleWatch } from './trouble-watch.ts'

export interface Watched {
  bus: Bus
  collector: RunningCollector
  store: EmbeddedStore
  counts: { stage1: StageCounts; stage2: StageCounts }
  /** How far the log's time has come at the end of the pipeline. */
  progress: Progress
  /** The log's. */
  clock: Clock
  /** Of the process, whoever drives the log's time: this is about it, not about its records. */
  watchClock: Clock
  logger: Logger
  /** Aborts when the pipeline begins to stop. */
  stopping: AbortSignal
}

const OBSERVE_MS = 5_000
/** The store answers a ping at once, however busy its engine is. */
const PING_MS = 5_000

/** Until the returned function is called. */
export function watchPipeline(health: Health, watched: Watched): () => void {
  const { bus, collector, store, progress, watchClock, stopping } = watched
  const groups = new LagWatch(watchClock)
  const time = new TimeWatch(watchClock)
  const troubles = new TroubleWatch(watchClock)
  health.register('collector', () =>
    stopping.aborted
      ? { ready: false, detail: 'it is stopping and takes nothing more' }
      : { ready: true, detail: `listens on ports ${collector.ports.grpc} (gRPC) and ${collector.ports.http} (HTTP)` },
  )
  health.register('bus', () => checkBus(bus, collector))
  health.register('groups', async () => groups.check(await bus.lag()))
  health.register('time', () => time.check(progress.watermark))
  health.register('store', () => checkStore(store))
  registerMetrics(watched)
  observeCollector(() => collector.counts())
  const timer = setInterval(() => void tellTroubles(health, troubles, watched), OBSERVE_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Takes records: it has room, and its last tick was written. */
async function checkBus(bus: Bus, collector: RunningCollector): Promise<Check> {
  const refused = collector.tickFailure()
  if (refused !== undefined) return { ready: false, detail: refused }
  try {
    await bus.publish([])
    return { ready: true, detail: 'takes records' }
  } catch (error) {
    return { ready: false, detail: messageOf(error) }
  }
}

/** A process that is there may hang all the same. */
async function checkStore(store: EmbeddedStore): Promise<Check> {
  if (store.pid() === undefined) return { ready: false, detail: 'it is starting again' }
  try {
    await (await fetch(`${store.url}/ping`, { signal: AbortSignal.timeout(PING_MS) })).text()
    return { ready: true, detail: `answers; started again ${counted(store.restarts(), 'times')}` }
  } catch {
    return { ready: false, detail: `does not answer within ${PING_MS / 1000} s` }
  }
}

/** Reading each part's health is what lets it see whether it goes on. */
async function tellTroubles(
  health: Health,
  troubles: TroubleWatch,
  { bus, clock, logger, stopping }: Watched,
): Promise<void> {
  const { start: _, ...parts } = (await health.read()).parts
  if (stopping.aborted) return
  const findings = troubles.observe(parts, clock.now())
  if (findings.length === 0) return
  try {
    await bus.publish(findingRecords(findings, bus.partitions(TOPIC.findings)))
  } catch (error) {
    logger.error({ detail: messageOf(error) }, 'what is wrong could not be told as an incident')
  }
}

function registerMetrics({ bus, store, counts }: Watched): void {
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
  meter
    .createObservableCounter('eastwatch_store_restarts', {
      description: 'Times the store process ended unexpectedly and was started again.',
    })
    .addCallback((result) => result.observe(store.restarts()))
  meter
    .createObservableCounter('eastwatch_detector_events', {
      description: 'What the detectors have read and made, by stage and kind: rows, late, evicted, findings and so on.',
    })
    .addCallback((result) => {
      for (const [stage, kinds] of Object.entries(counts)) {
        for (const [kind, value] of Object.entries(kinds)) result.observe(value, { stage, kind })
      }
    })
}
