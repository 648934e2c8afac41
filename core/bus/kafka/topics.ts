/** The topics of the bus in Kafka: made where they are missing, refused where they are not as they have to be. */
import type { Admin } from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import { retry } from '../../retry.ts'
import { MAX_RECORD_BYTES } from '../bus.ts'
import { fromKafka } from './errors.ts'

/** What the batch of the longest record adds to it. */
const BATCH_BYTES = 64 * 1024
const SIZED = { name: 'max.message.bytes', value: String(MAX_RECORD_BYTES + BATCH_BYTES) }
const HOUR_MS = 3_600_000
const KNOWN_WITHIN_MS = 10_000

export interface WantedTopic {
  /** The name in Kafka. */
  topic: string
  partitions: number
  configEntries: { name: string; value: string }[]
}

/** How long it keeps its records is the operator's to say. */
export function streamTopic(topic: string, partitions: number): WantedTopic {
  return { topic, partitions, configEntries: [SIZED] }
}

/** Keeps the last record of each key. Small segments, as only closed ones are compacted; deletions are seen for two days (state-copy.ts). */
export function stateTopic(topic: string, partitions: number): WantedTopic {
  const compacted = {
    'cleanup.policy': 'compact',
    'segment.bytes': 64 * 1024 * 1024,
    'delete.retention.ms': 48 * HOUR_MS,
  }
  const entries = Object.entries(compacted).map(([name, value]) => ({ name, value: String(value) }))
  return { topic, partitions, configEntries: [SIZED, ...entries] }
}

/**
 * Throws `config` for a topic with another number of partitions, else what `fromKafka` throws. Several processes may do it at once,
 * and a broker may not know yet of a topic that was made a moment ago: so it is tried again for some seconds.
 */
export async function requireTopics(
  admin: Admin,
  wanted: readonly WantedTopic[],
  replicationFactor: number,
): Promise<void> {
  let last: unknown
  const onRetry = (error: unknown): void => {
    last = error
  }
  const signal = AbortSignal.timeout(KNOWN_WITHIN_MS)
  const attempt = async (): Promise<void> => {
    try {
      await makeMissing(admin, wanted, replicationFactor)
      await checkPartitions(admin, wanted)
    } catch (error) {
      throw fromKafka(error)
    }
  }
  try {
    await retry(attempt, { firstMs: 20, maxMs: 500, signal, onRetry })
  } catch (error) {
    throw signal.aborted ? (last ?? error) : error
  }
}

async function makeMissing(admin: Admin, wanted: readonly WantedTopic[], replicationFactor: number): Promise<void> {
  const known = new Set(await admin.listTopics())
  const missing = wanted.filter(({ topic }) => !known.has(topic))
  if (missing.length === 0) return
  const topics = missing.map(({ partitions, ...topic }) => ({ ...topic, numPartitions: partitions, replicationFactor }))
  // Resolves also where another process was faster.
  await admin.createTopics({ topics, waitForLeaders: true })
}

async function checkPartitions(admin: Admin, wanted: readonly WantedTopic[]): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) })
  for (const { topic, partitions } of wanted) {
    const found = topics.find(({ name }) => name === topic)?.partitions.length ?? 0
    if (found === partitions) continue
    throw new PipelineError(
      'config',
      `topic ${topic} has ${found} partitions, ${partitions} are configured; a topic's number of partitions is fixed when it is made`,
    )
  }
}
