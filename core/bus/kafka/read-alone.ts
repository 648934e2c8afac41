/** Reading partitions without sharing them: kafkajs gives partitions to groups only, so it is a group of one. */
import { randomUUID } from 'node:crypto'
import { AssignerProtocol, type EachBatchHandler, type Kafka, type KafkaMessage, type PartitionAssigner } from 'kafkajs'
import { PATIENCE } from './patience.ts'

const MAX_WAIT_MS = 100
/** What one fetch brings, of one partition or all. One record is given however long it is. */
const FETCH_BYTES = 4 * 1024 * 1024

export interface ReadAlone {
  kafka: Kafka
  /** The name in Kafka. */
  topic: string
  /** What to read, and the first offset of each. */
  from: ReadonlyMap<number, number>
  /** Given the committed messages of a partition, in order; true ends the reading. */
  read(partition: number, messages: readonly KafkaMessage[]): boolean | Promise<boolean>
}

/** Until `read` says that it has seen all, or the signal aborts (then it throws the reason). Throws what kafkajs gives up with. */
export async function readAlone({ kafka, topic, from, read }: ReadAlone, signal: AbortSignal): Promise<void> {
  const consumer = kafka.consumer({
    groupId: `${topic}@reader-${randomUUID()}`,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
    partitionAssigners: [assignerOf(topic, [...from.keys()])],
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
      const positions = new Map(from)
      consumer.on(consumer.events.GROUP_JOIN, () => {
        for (const [partition, offset] of positions) consumer.seek({ topic, partition, offset: String(offset) })
      })
      const eachBatch: EachBatchHandler = async ({ batch: { partition, messages } }) => {
        const position = positions.get(partition)!
        const fresh = messages.filter(({ offset }) => Number(offset) >= position)
        if (fresh.length === 0) return
        positions.set(partition, Number(fresh.at(-1)!.offset) + 1)
        if (await read(partition, fresh)) resolve()
      }
      consumer.run({ autoCommit: false, eachBatch }).catch(reject)
    })
  } finally {
    ended.abort()
    await consumer.disconnect()
  }
}

function assignerOf(topic: string, partitions: number[]): PartitionAssigner {
  const name = 'alone'
  return () => ({
    name,
    version: 1,
    async assign({ members }) {
      return members.map(({ memberId }) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: { [topic]: partitions },
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
