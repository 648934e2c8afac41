/** OTLP from Kafka, as OpenTelemetry Collectors write it: an input beside the listeners (docs/otlp-kafka.md). */
import { hideAbortedRecords } from '../../core/bus/kafka/aborted-records.ts'
import { createClient, type Reach } from '../../core/bus/kafka/client.ts'
import { SerialAdmin } from '../../core/bus/kafka/serial-admin.ts'
import { type Clock, SECOND } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { Ingest } from '../ingest.ts'
import type { CollectorMetrics } from '../metrics.ts'
import type { Backlog } from './backlog.ts'
import { boundBatches } from './bounded-batches.ts'
import type { KafkaSourceInput } from './config.ts'
import { TopicReader } from './topic-reader.ts'

const TELL_MS = 1000

export interface KafkaSourceOptions {
  reach: Reach
  input: Pick<KafkaSourceInput, 'prefix' | 'sessionTimeoutMs' | 'topics'>
  ingest: Pick<Ingest, 'receive' | 'setAside'>
  backlog: Backlog
  clock: Clock
  metrics: CollectorMetrics
  maxBodyBytes: number
  /** Told how it does, each time that changes. */
  onState(state: Check): void
  logger: Logger
}

/**
 * Reads until the signal aborts. Resolves when everything that was taken in is durable, its offsets are committed and the groups are left.
 */
export async function readKafka(options: KafkaSourceOptions, signal: AbortSignal): Promise<void> {
  const { reach, input, backlog, metrics, onState } = options
  hideAbortedRecords()
  boundBatches()
  const kafka = createClient(reach, options.logger)
  const admin = new SerialAdmin(kafka.admin())
  const onLost = (messages: number) => metrics.add('lost', messages)
  const readers = input.topics.map((topic) => new TopicReader({ ...options, ...input, kafka, admin, topic, onLost }))
  let told = ''
  const tell = (): void => {
    metrics.behindSeconds = backlog.behind / SECOND
    const checks = readers.map(({ check }) => check)
    const state = { ready: checks.every(({ ready }) => ready), detail: checks.map(({ detail }) => detail).join('; ') }
    if (`${state.ready} ${state.detail}` === told) return
    told = `${state.ready} ${state.detail}`
    onState(state)
  }
  tell()
  const telling = setInterval(tell, TELL_MS)
  try {
    // One signal each: there is a bound to how many may listen to one.
    await Promise.all(readers.map((reader) => reader.run(AbortSignal.any([signal]))))
  } finally {
    clearInterval(telling)
    await admin.disconnect()
  }
}
