/** The topics of the bus in Kafka: made where they are missing, refused where they are not as they have to be. */
import kafkajs, { type Admin } from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import { retry } from '../../retry.ts'
import { MAX_RECORD_BYTES } from '../bus.ts'
import { fromKafka } from './errors.ts'

/** What the batch of the longest record adds to it. */
const BATCH_BYTES = 64 * 1024
/** What a topic's max.message.bytes must be at least. */
export const MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + BATCH_BYTES
const HOUR_MS = 3_600_000
const KNOWN_WITHIN_MS = 10_000

export interface WantedTopic {
  /** The name in Kafka. */
  topic: string
  partitions: number
  /** Settings of its own, where it is made here. */
  settings: Record<string, string | number>
  /** What becomes of old records; another policy loses what is needed. */
  cleanup: 'delete' | 'compact'
}

/** How long it keeps its records is the operator's to say. */
export function streamTopic(topic: string, partitions: number): WantedTopic {
  return { topic, partitions, settings: {}, cleanup: 'delete' }
}

/** Keeps the last record of each key. Small segments, as only closed ones are compacted; deletions are seen for two days (state-copy.ts). */
export function stateTopic(topic: string, partitions: number): WantedTopic {
  const settings = { 'segment.bytes': 64 * 1024 * 1024, 'delete.retention.ms': 48 * HOUR_MS }
  return { topic, partitions, settings, cleanup: 'compact' }
}

/**
 * Throws `config` for a topic with another number of partitions or with settings that would lose records, else what `fromKafka` throws.
 * Several processes may do it at once, and a broker may not know yet of a topic that was made a moment ago: so it is tried again for
 * some seconds.
 */
export async function requireTopics(
  admin: Admin,
  wanted: readonly WantedTopic[],
  replicationFactor: number,
): Promise<void> {
  let last: unknown
  const signal = AbortSignal.timeout(KNOWN_WITHIN_MS)
  const attempt = async (): Promise<void> => {
    try {
      await makeMissing(admin, wanted, replicationFactor)
      await checkPartitions(admin, wanted)
      await checkSettings(admin, wanted)
    } catch (error) {
      last = fromKafka(error)
      throw last
    }
  }
  try {
    await retry(attempt, { firstMs: 20, maxMs: 500, signal })
  } catch (error) {
    throw signal.aborted ? (last ?? error) : error
  }
}

async function makeMissing(admin: Admin, wanted: readonly WantedTopic[], replicationFactor: number): Promise<void> {
  const known = new Set(await admin.listTopics())
  const missing = wanted.filter(({ topic }) => !known.has(topic))
  if (missing.length === 0) return
  const topics = missing.map(({ topic, partitions, settings, cleanup }) => ({
    topic,
    numPartitions: partitions,
    replicationFactor,
    configEntries: entriesOf({
      'cleanup.policy': cleanup,
      'max.message.bytes': MAX_MESSAGE_BYTES,
      // With one copy alone in step, what it acknowledges goes when it goes.
      'min.insync.replicas': replicationFactor >= 3 ? 2 : 1,
      ...settings,
    }),
  }))
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

/** Topics may have been made by hand, or changed since. */
async function checkSettings(admin: Admin, wanted: readonly WantedTopic[]): Promise<void> {
  const configNames = ['cleanup.policy', 'max.message.bytes']
  const { resources } = await admin.describeConfigs({
    resources: wanted.map(({ topic }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames })),
    includeSynonyms: false,
  })
  for (const { topic, cleanup } of wanted) {
    const found = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? []
    const settingOf = (name: string) => found.find(({ configName }) => configName === name)?.configValue
    if (settingOf('cleanup.policy') !== cleanup) refuse(topic, 'cleanup.policy', settingOf('cleanup.policy'), cleanup)
    if (Number(settingOf('max.message.bytes')) < MAX_MESSAGE_BYTES) {
      refuse(topic, 'max.message.bytes', settingOf('max.message.bytes'), MAX_MESSAGE_BYTES)
    }
  }
}

function refuse(topic: string, name: string, found: string | undefined, needed: string | number): never {
  throw new PipelineError(
    'config',
    `topic ${topic} has ${name}=${found}, and ${needed} is needed: ` +
      `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${needed}`,
  )
}

function entriesOf(settings: Record<string, string | number>): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value: String(value) }))
}
