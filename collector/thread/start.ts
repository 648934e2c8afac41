/**
 * The collector in a thread of its own, beside the thread that holds the bus, the detectors and their state. What is read here
 * passes as encoded blocks. Two reasons: it has a processor for itself, and the garbage of request bodies, tens of megabytes a
 * second, is collected without a walk over the detectors' memory (docs/decisions/006-collector-thread.md).
 */
import { Worker } from 'node:worker_threads'
import type { Bus } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { type Clock, SharedClock } from '../../core/clock.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { PolicySource } from '../../policy/read.ts'
import type { RunningCollector } from '../app.ts'
import type { CollectorConfig } from '../config.ts'
import type { KafkaSourceInput } from '../kafka/config.ts'
import { CollectorMetrics, countsMemory } from '../metrics.ts'
import type { LearnedName } from '../naming/learned-name.ts'
import type { FromThread, ThreadInput, ToThread } from './messages.ts'
import { Requests } from './requests.ts'
import { fromWire, toWire } from './wire-error.ts'

export interface CollectorThreadOptions {
  config: CollectorConfig
  /** What is read from Kafka; absent for nothing. */
  kafka?: KafkaSourceInput | undefined
  dataFolder: string
  policy: PolicySource
  bus: Pick<Bus, 'publish' | 'partitions'>
  /** What was learned before (naming/remember.ts); nothing by default. */
  names?: readonly LearnedName[]
  /** Resolves once all that other collectors have learned by now was given to `know`; absent where there are none. */
  upToNow?: (() => Promise<void>) | undefined
  /** The system's, or one in shared memory. */
  clock: Clock
  ticking: boolean
  logLevel: string
}

export interface CollectorThread extends RunningCollector {
  /** How reading from Kafka does; undefined where nothing is read. */
  kafkaState(): Check | undefined
  /** Seconds that the oldest message waits that is not durable. */
  kafkaBehindSeconds(): number
  /** Reads the declared objects anew; where they are broken the old ones stay in force, and it rejects. */
  reloadPolicy(): Promise<void>
  /** Takes in what other collectors have learned. */
  know(names: readonly LearnedName[]): void
}

const WRITTEN = [TOPIC.calls, TOPIC.rejected, TOPIC.names]

/** Compiled, as threads run what node itself can read. */
const ENTRY = new URL('./main.js', import.meta.url)

/** Resolves when both listeners are open. Throws what `startCollector` throws, and `config` for policy that cannot be read. */
export async function startCollectorThread(
  options: CollectorThreadOptions,
  signal: AbortSignal,
  entry = ENTRY,
): Promise<CollectorThread> {
  const { bus, clock, config, kafka, dataFolder, names = [], upToNow, policy, ticking, logLevel } = options
  const counts = countsMemory()
  const workerData: ThreadInput = {
    config,
    kafka,
    dataFolder,
    policy,
    partitions: Object.fromEntries(WRITTEN.map((topic) => [topic, bus.partitions(topic)])),
    names,
    hasOthers: upToNow !== undefined,
    ticking,
    logLevel,
    counts,
    clock: clock instanceof SharedClock ? clock.memory : undefined,
  }
  const thread = new Worker(entry, { workerData, name: 'collector' })
  const tell = (message: ToThread, transferred: ArrayBuffer[] = []): void => thread.postMessage(message, transferred)
  const requests = new Requests()
  let tickFailure: string | undefined
  let kafkaState: Check | undefined
  let stopping = false
  let failure: Error | undefined

  const publish = async ({ request, records, memory }: FromThread & { type: 'publish' }): Promise<void> => {
    try {
      await bus.publish(records)
      tell({ type: 'published', request, error: undefined, memory }, [memory])
    } catch (error) {
      // The memory stays: it may still be read (core/bus/bus.ts).
      tell({ type: 'published', request, error: toWire(error), memory: undefined })
    }
  }
  const answerKnown = async (request: number): Promise<void> => {
    try {
      await upToNow!()
      tell({ type: 'known', request, error: undefined })
    } catch (error) {
      tell({ type: 'known', request, error: toWire(error) })
    }
  }
  const ended = new Promise<void>((resolve, reject) => {
    thread.once('error', reject)
    thread.once('exit', (code) => {
      if (stopping) resolve()
      else reject(failure ?? new Error(`the collector's thread ended (${code})`))
    })
  })
  ended.then(
    () => requests.close(new Error('the collector has stopped')),
    (error: Error) => requests.close(error),
  )
  const started = new Promise<FromThread & { type: 'started' }>((resolve, reject) => {
    thread.on('message', (message: FromThread) => {
      switch (message.type) {
        case 'started':
          resolve(message)
          break
        case 'failed':
          failure = fromWire(message.error)
          reject(failure)
          break
        case 'publish':
          void publish(message)
          break
        case 'upToNow':
          void answerKnown(message.request)
          break
        case 'done':
          requests.answer(message.request, message.error)
          break
        case 'tickFailure':
          tickFailure = message.reason
          break
        case 'kafkaState':
          kafkaState = message.state
          break
        case 'stopped':
          stopping = true
          // What it has given up may go on for long.
          void thread.terminate()
          break
      }
    })
    ended.catch(reject)
  })

  const { ports, id } = await started
  const stop = () => tell({ type: 'stop' })
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  const metrics = new CollectorMetrics(counts)
  return {
    ports,
    id,
    counts: () => metrics.counts,
    tick: () => requests.ask((request) => tell({ type: 'tick', request })),
    tickFailure: () => tickFailure,
    kafkaState: () => kafkaState,
    kafkaBehindSeconds: () => metrics.behindSeconds,
    know: (names) => tell({ type: 'know', names }),
    reloadPolicy: () => requests.ask((request) => tell({ type: 'reloadPolicy', request })),
    stopped: ended,
  }
}
