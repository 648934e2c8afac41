/**
 * All roles in one process. One long straight function, because each step needs the parts before it.
 * Consumers start before producers, and stop after them, so that what was accepted is drained.
 */
import { join } from 'node:path'
import { ALERT_GROUPS, runAlerts } from '../alerts/app.ts'
import { Progress } from '../alerts/heartbeat.ts'
import { NAMES_GROUP, rememberNames } from '../collector/naming/remember.ts'
import { startCollectorThread } from '../collector/thread/start.ts'
import type { GroupLag } from '../core/bus/bus.ts'
import { openBus } from '../core/bus/open.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { Health, serveHealth } from '../core/telemetry/health.ts'
import { startTelemetry } from '../core/telemetry/telemetry.ts'
import { DETECTOR_GROUPS, runDetectors } from '../detectors/app.ts'
import { emptyCounts } from '../detectors/engine/counts.ts'
import { readPolicy } from '../policy/read.ts'
import { runStorage, STORAGE_GROUPS } from '../storage/app.ts'
import { connectStore } from '../storage/clickhouse.ts'
import { startStore } from '../storage/start.ts'
import type { EastwatchConfig } from './config.ts'
import { prepareDataFolder } from './data-folder.ts'
import { watchStarts } from './starts.ts'
import { VERSION } from './version.ts'
import { watchPipeline } from './watch.ts'

export interface PipelineOptions {
  config: EastwatchConfig
  /** The system's, or one in shared memory (core/clock.ts). */
  clock: Clock
  /** False where somebody else says when time goes on (the demo, tests): then `tick` is called by hand. */
  ticking: boolean
  /** By which the process itself is watched, whoever drives the log's time: the system's, unless a test has its own. */
  watchClock?: Clock
  logger: Logger
  /** Told what the start is at, each time that changes. */
  onPhase?: (phase: string) => void
}

export interface Pipeline {
  ports: { grpc: number; http: number; health: number; clickhouse: number }
  /** Where declared objects are read from. */
  policyFolder: string
  /** Writes the clock's time into the log now. */
  tick(): Promise<void>
  /** How far each group is behind. */
  lag(): Promise<GroupLag[]>
  /** Reads the declared objects anew; where they are broken the old ones stay, and it rejects. */
  reloadPolicy(): Promise<void>
  /** Process id of the store's child, where it runs. */
  storePid(): number | undefined
  /** Resolves when everything has stopped after the signal; rejects with what made a part stop by itself. */
  stopped: Promise<void>
}

/** Every group that must have read a record before the log may forget it. */
const REQUIRED_GROUPS = [
  { topic: TOPIC.calls, group: DETECTOR_GROUPS.stage1 },
  { topic: TOPIC.windows, group: DETECTOR_GROUPS.stage2 },
  { topic: TOPIC.findings, group: ALERT_GROUPS.incidents },
  { topic: TOPIC.incidents, group: ALERT_GROUPS.notify },
  { topic: TOPIC.names, group: NAMES_GROUP },
  ...STORAGE_GROUPS,
]

/**
 * Resolves when everything answers: listeners, the store with its tables up to date, detectors and alerts with what they remember.
 * Rejects with a clear error, and nothing left running, when a part cannot start; with the signal's reason when it aborts before.
 */
export async function startPipeline(options: PipelineOptions, signal: AbortSignal): Promise<Pipeline> {
  const { config, clock, logger } = options
  let phase = ''
  const enter = (next: string) => {
    signal.throwIfAborted()
    phase = next
    options.onPhase?.(next)
  }
  const cleanUps: (() => void | Promise<void>)[] = []
  const cleanUp = async () => {
    for (const step of cleanUps.reverse()) {
      try {
        await step()
      } catch (error) {
        logger.error({ error: messageOf(error) }, 'a part did not stop cleanly')
      }
    }
  }
  try {
    const policy = { ...config.policy, folder: join(config.dataFolder, config.policy.folder) }
    enter('reading the declared objects')
    prepareDataFolder(config.dataFolder)
    // The collector reads them again for itself; what is wrong with them is told before anything starts.
    readPolicy(policy)

    const telemetry = startTelemetry(config.telemetry, VERSION)
    cleanUps.push(() => telemetry.stop())
    const health = new Health()
    health.register('start', () =>
      phase === '' ? { ready: true, detail: 'everything has started' } : { ready: false, detail: `${phase} ...` },
    )
    const healthServer = await serveHealth(config.telemetry.address, health, telemetry.metrics)
    cleanUps.push(() => healthServer.stop())

    enter('opening the log')
    const { dataFolder } = config
    const bus = await openBus({ config: config.bus, dataFolder, requiredGroups: REQUIRED_GROUPS, logger })
    cleanUps.push(() => bus.close())

    enter('starting the store')
    const store = await startStore(config, logger)
    cleanUps.push(() => store.stop())
    const client = connectStore(store)
    cleanUps.push(() => client.close())

    enter('opening the listeners')
    const starts = watchStarts(bus, REQUIRED_GROUPS)
    const consumers = new AbortController()
    const progress = new Progress(bus.partitions(TOPIC.incidents), clock)
    const counts = { stage1: emptyCounts(), stage2: emptyCounts() }
    const names = rememberNames({ bus: starts.bus, logger }, consumers.signal)
    const running = [
      names.running,
      runStorage({ config: config.storage, bus: starts.bus, client, logger }, consumers.signal),
      runAlerts(
        { config: config.alerts, bus: starts.bus, clock, logger, progress, health, version: VERSION },
        consumers.signal,
      ),
      runDetectors({ config: config.detectors, bus: starts.bus, logger, counts }, consumers.signal),
    ]
    const failed = Promise.race([...running, store.failed])
    failed.catch(() => {
      // Told by `stopped`.
    })
    cleanUps.push(async () => {
      consumers.abort()
      await Promise.allSettled(running)
    })
    const learned = await names.before
    const accepting = new AbortController()
    const collector = await startCollectorThread(
      {
        config: config.collector,
        dataFolder: config.dataFolder,
        policy,
        bus,
        names: learned,
        clock,
        ticking: options.ticking,
        logLevel: config.logLevel,
      },
      accepting.signal,
    )
    cleanUps.push(() => {
      accepting.abort()
      return collector.stopped
    })

    cleanUps.push(
      watchPipeline(health, {
        bus,
        collector,
        store,
        counts,
        progress,
        clock,
        watchClock: options.watchClock ?? systemClock,
        logger,
        stopping: accepting.signal,
      }),
    )

    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    enter('bringing the tables up to date and reading what detectors and alerts remember')
    await Promise.race([starts.all, failed, collector.stopped, aborted])
    enter('')
    const stopped = Promise.race([aborted, failed, collector.stopped]).finally(cleanUp)
    stopped.catch(() => {
      // Told to whoever awaits it.
    })
    return {
      ports: {
        grpc: collector.ports.grpc,
        http: collector.ports.http,
        health: healthServer.port,
        clickhouse: Number(new URL(store.url).port),
      },
      policyFolder: policy.folder,
      tick: () => collector.tick(),
      lag: () => bus.lag(),
      reloadPolicy: () => collector.reloadPolicy(),
      storePid: () => store.pid(),
      stopped,
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}
