/** Reading one partition from its start without sharing it: kafkajs gives partitions to groups only, so it is a group of one. */
import { randomUUID } from 'node:crypto'
import { AssignerProtocol, type EachBatchHandler, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs'
import { PATIENCE } from './patience.ts'

const MAX_WAIT_MS = 100

/** Gives each message, as committed, to `read`, until that returns true or the signal aborts (then it throws the reason). */
export async function readPartition(
  kafka: Kafka,
  topic: string,
  partition: number,
  read: (message: KafkaMessage) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const groupId = `${topic}@reader-${randomUUID()}`
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: MAX_WAIT_MS,
    partitionAssigners: [assignerOf(topic, partition)],
    retry: { ...PATIENCE, restartOnFailure: async () => false },
  })
  signal.throwIfAborted()
  const ended = new AbortController()
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      signal.throwIfAborted()
      signal.addEventListener('abort', () => reject(signal.reason), { signal: ended.signal })
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      const eachBatch: EachBatchHandler = async ({ batch }) => {
        if (batch.messages.some(read)) resolve()
      }
      consumer.run({ autoCommit: false, eachBatch }).catch(reject)
    })
  } finally {
    ended.abort()
    await consumer.disconnect()
  }
}

function assignerOf(topic: string, partition: number): PartitionAssigner {
  const name = 'one-partition'
  return () => ({
    name,
    version: 1,
    async assign({ members }) {
      return members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: { [topic]: [partition] },
          userData: Buffer.alloc(0),
        }),
      }))
    },
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  })
}
