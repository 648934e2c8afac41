/** The topics of the bus in Kafka: made where they are missing, refused where they are not as they have to be. */
import type { Admin } from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import { MAX_RECORD_BYTES, type TopicSpec } from '../bus.ts'
import type { Names } from './names.ts'

/** What the batch of the longest record adds to it. */
const BATCH_BYTES = 64 * 1024

/** Throws `config` for a topic with another number of partitions. */
export async function requireTopics(
  admin: Admin,
  names: Names,
  specs: readonly TopicSpec[],
  replicationFactor: number,
): Promise<void> {
  const sized = { name: 'max.message.bytes', value: String(MAX_RECORD_BYTES + BATCH_BYTES) }
  const wanted = specs.map(({ name, partitions }) => ({
    topic: names.topic(name),
    numPartitions: partitions,
    configEntries: [sized],
  }))
  // State is on the partition number of its input.
  const numPartitions = Math.max(...specs.map(({ partitions }) => partitions))
  wanted.push({
    topic: names.state,
    numPartitions,
    configEntries: [sized, { name: 'cleanup.policy', value: 'compact' }],
  })
  const known = new Set(await admin.listTopics())
  const missing = wanted.filter(({ topic }) => !known.has(topic))
  await admin.createTopics({
    topics: missing.map((topic) => ({ ...topic, replicationFactor })),
    waitForLeaders: true,
  })
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ topic }) => topic) })
  for (const { topic, numPartitions } of wanted) {
    const found = topics.find(({ name }) => name === topic)?.partitions.length ?? 0
    if (found === numPartitions) continue
    throw new PipelineError(
      'config',
      `topic ${topic} has ${found} partitions, ${numPartitions} are configured; a topic's number of partitions is fixed when it is made`,
    )
  }
}
