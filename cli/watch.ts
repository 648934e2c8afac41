/** What /readyz and /metrics tell of the pipeline as a whole; each part has its own metrics beside it. */
import { metrics } from '@opentelemetry/api'
import { counted } from '../alerts/words.ts'
import type { RunningCollector } from '../collector/app.ts'
import { observeCollector } from '../collector/metrics.ts'
import type { LocalBus } from '../core/bus/local/local-bus.ts'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Check, Health } from '../core/telemetry/health.ts'
import type { StageCounts } from '../detectors/engine/counts.ts'
import type { EmbeddedStore } from '../storage/embedded/supervisor.ts'
import { LagWatch } from './lag-watch.ts'

export interface Watched {
  bus: LocalBus
  collector: RunningCollector
  store: EmbeddedStore
  counts: { stage1: StageCounts; stage2: StageCounts }
  /** Aborts when the pipeline begins to stop. */
  stopping: AbortSignal
}

const OBSERVE_MS = 5_000

/** Until the returned function is called. */
export function watchPipeline(health: Health, watched: Watched): () => void {
  const { bus, collector, store, stopping } = watched
  // By the wall clock, whoever drives the log's time: this is about the process, not about its records.
  const groups = new LagWatch(systemClock)
  health.register('collector', () =>
    stopping.aborted
      ? { ready: false, detail: 'it is stopping and takes nothing more' }
      : { ready: true, detail: `listens on ports ${collector.ports.grpc} (gRPC) and ${collector.ports.http} (HTTP)` },
  )
  health.register('bus', () => checkBus(bus, collector))
  health.register('groups', async () => groups.check(await bus.lag()))
  health.register('store', () =>
    store.pid() === undefined
      ? { ready: false, detail: 'it is starting again' }
      : { ready: true, detail: `answers; started again ${counted(store.restarts(), 'times')}` },
  )
  registerMetrics(watched)
  observeCollector(() => collector.counts())
  const timer = setInterval(() => void bus.lag().then((lags) => groups.observe(lags)), OBSERVE_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Takes records: it has room, and its last tick was written. */
async function checkBus(bus: LocalBus, collector: RunningCollector): Promise<Check> {
  const refused = collector.tickFailure()
  if (refused !== undefined) return { ready: false, detail: refused }
  try {
    await bus.publish([])
    return { ready: true, detail: 'takes records' }
  } catch (error) {
    return { ready: false, detail: messageOf(error) }
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
    .createObservableGauge('eastwatch_log_bytes', { unit: 'By', description: 'Bytes the log holds on disk, about.' })
    .addCallback((result) => {
      for (const [topic, bytes] of bus.bytesUsed()) result.observe(bytes, { topic })
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
