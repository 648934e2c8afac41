/** The collector role: two listeners, Kafka where it is configured, one publisher, ticks. */

import type { Bus } from '../core/bus/bus.ts'
import { reachOf } from '../core/bus/kafka/client.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { type Clock, SECOND } from '../core/clock.ts'
import { messageOf, PipelineError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Check } from '../core/telemetry/health.ts'
import { settlesWithin } from '../core/waiting.ts'
import { Admission } from './admission.ts'
import type { CollectorConfig } from './config.ts'
import { Ingest } from './ingest.ts'
import { Backlog } from './kafka/backlog.ts'
import type { KafkaSourceInput } from './kafka/config.ts'
import { type CollectorCounts, CollectorMetrics } from './metrics.ts'
import type { Annotator } from './naming/annotate.ts'
import type { OthersNames } from './naming/others.ts'
import { listenGrpc } from './otlp/grpc.ts'
import { listenHttp } from './otlp/http.ts'
import { DEFAULT_LIMITS } from './otlp/limits.ts'
import type { Listener } from './otlp/listener.ts'
import { Senders } from './otlp/senders.ts'
import { Publisher } from './publisher.ts'
import type { LogSource } from './sources/source.ts'
import { collectorId, Ticker } from './ticker.ts'

export interface CollectorOptions {
  config: CollectorConfig
  /** What is read from Kafka; undefined for nothing. */
  kafka?: KafkaSourceInput | undefined
  /** Where the collector's id is kept. */
  dataFolder: string
  bus: Pick<Bus, 'publish' | 'partitions'>
  clock: Clock
  /** Readers of log records, in the order in which they are asked. */
  sources: readonly LogSource[]
  /** Writes what policy and inventory say into calls; must give them a `destinationService` by them alone. */
  annotator: Annotator
  /** What other collectors learn comes to be known to the annotator; absent, there are none. */
  others?: OthersNames | undefined
  logger: Logger
  /** False where ticks are driven by hand, with `tick`. */
  ticking: boolean
  /** Where what it counts is kept. */
  counts?: SharedArrayBuffer
  /** Told why the log did not take the tick of a second, and, with undefined, that it takes them again. */
  onTickFailure?: (reason: string | undefined) => void
  /** Told how reading from Kafka does, each time that changes. */
  onKafkaState?: (state: Check) => void
}

export interface RunningCollector {
  ports: { grpc: number; http: number }
  /** The stable id that its ticks carry. */
  id: string
  counts(): CollectorCounts
  /** Writes a tick to every partition of calls; resolves when it is durable. */
  tick(): Promise<void>
  /** Why the log did not take the last tick of the second; undefined where it did. */
  tickFailure(): string | undefined
  /** Resolves when it has stopped by the signal: everything acknowledged is durable, and the leave tick is written. */
  stopped: Promise<void>
}

/** How long what was taken in may still take to become durable once the program stops. Nobody was told that it is: its senders send it again. */
const DRAIN_MS = 10_000
const LEAVE_MS = 2000

/** Only where it is wanted, as it brings the libraries that decompress; of two of them the native part is an optional package. */
async function loadKafka(): Promise<typeof import('./kafka/source.ts')> {
  try {
    // First, and one by one: of two that are missing below one module, node rejects one where nobody hears it, and the thread dies of it.
    await import('snappy')
    await import('lz4-napi')
    return await import('./kafka/source.ts')
  } catch (cause) {
    const reason = 'collector.kafka needs the native parts of snappy and lz4-napi: install without --omit=optional'
    throw new PipelineError('config', reason, { cause })
  }
}

/** Resolves when both listeners are open. Throws `port_in_use`, `folder_unusable` or `config`. */
export async function startCollector(options: CollectorOptions, signal: AbortSignal): Promise<RunningCollector> {
  const { config, bus, clock, sources, annotator, others, logger } = options
  const id = collectorId(options.dataFolder)
  const metrics = new CollectorMetrics(options.counts)
  const rules = {
    sources,
    annotator,
    partitions: bus.partitions(TOPIC.calls),
    latenessUs: config.latenessSeconds * SECOND,
    limits: DEFAULT_LIMITS,
  }
  const backlog = new Backlog(clock)
  const publisher = new Publisher({ bus, clock, rules, metrics, others, reached: () => backlog.reached })
  const ingest = new Ingest({ publisher, admission: new Admission(config), clock, limits: DEFAULT_LIMITS, metrics })
  const senders = new Senders(config)
  const ticker = new Ticker({ publisher, producer: id, metrics, logger, onFailure: options.onTickFailure })

  const readKafka = options.kafka && (await loadKafka()).readKafka
  const listeners: Listener[] = []
  try {
    listeners.push(await listenGrpc({ config, ingest, senders, logger }))
    listeners.push(await listenHttp({ config, ingest, senders, logger }))
  } catch (error) {
    for (const listener of listeners) listener.cut()
    throw error
  }
  const reading = new AbortController()
  let read: Promise<void> | undefined
  if (options.kafka !== undefined) {
    const { connection, ...input } = options.kafka
    const { maxBodyBytes } = config
    const parts = { reach: reachOf(connection), input, ingest, backlog, clock, metrics, maxBodyBytes, logger }
    read = readKafka!({ ...parts, onState: (state) => options.onKafkaState?.(state) }, reading.signal)
  }
  if (options.ticking) ticker.start(config.tickMs)

  const finish = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.stop()))
    await read
    await publisher.drained()
  }
  const leave = async (): Promise<void> => {
    let reason = `not within ${LEAVE_MS / 1000} s`
    let hasLeft = false
    const told = ticker.tick(true).then(
      () => {
        hasLeft = true
      },
      (error: unknown) => {
        reason = messageOf(error)
      },
    )
    await settlesWithin(told, LEAVE_MS)
    if (!hasLeft) logger.warn({ reason }, 'the leave tick could not be written; others will notice by its absence')
  }
  const drain = async (): Promise<void> => {
    ingest.stop()
    reading.abort()
    ticker.stop()
    const finished = finish()
    if (!(await settlesWithin(finished, DRAIN_MS))) for (const listener of listeners) listener.cut()
    if (await settlesWithin(finished, LEAVE_MS)) await finished
    else logger.warn({}, 'what was taken in and is not durable in time is given up; its senders send it again')
    await leave()
  }
  const stopped = new Promise<void>((resolve, reject) => {
    const stop = () => void drain().then(resolve, reject)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  return {
    ports: { grpc: listeners[0]!.port, http: listeners[1]!.port },
    id,
    counts: () => metrics.counts,
    tick: () => ticker.tick(),
    tickFailure: () => ticker.failure,
    stopped,
  }
}
