/** Reading partitions without sharing them: kafkajs gives partitions to groups only, so it is a group of one. */
import { randomUUID } from 'node:crypto'
import { AssignerProtocol, type EachBatchHandler, type KafkaMessage, type PartitionAssigner } from 'kafkajs'
import type { Client } from './client.ts'
import { PATIENCE } from './patience.ts'
import { Watchdog } from './watchdog.ts'

const MAX_WAIT_MS = 100
/** What one fetch brings, of one partition or all. One record is given however long it is. */
const FETCH_BYTES = 4 * 1024 * 1024
const SILENT_MS = 30_000

export interface ReadPartitions {
  kafka: Pick<Client, 'consumer'>
  /** The name in Kafka. */
  topic: string
  /** The next offset to read of each partition that is read; kept up to date, so that a reading that failed can be gone on with. */
  positions: Map<number, number>
  /** Given the committed messages of one partition, in order; true ends the reading. */
  read(messages: readonly KafkaMessage[], partition: number): boolean | Promise<boolean>
  /** True where there is something to read until `read` ends it, so that nothing coming is a failure. */
  ends: boolean
}

/**
 * Until `read` says that it has seen all, or the signal aborts (then it throws the reason). Throws what kafkajs gives up with, or
 * `bus_unavailable` where it falls silent.
 */
export async function readPartitions(
  { kafka, topic, positions, read, ends }: ReadPartitions,
  signal: AbortSignal,
): Promise<void> {
  const consumer = kafka.consumer({
    groupId: `${topic}@reader-${randomUUID()}`,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
    partitionAssigners: [assignerOf(topic, [...positions.keys()])],
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
      const { CRASH, GROUP_JOIN, REQUEST } = consumer.events
      consumer.on(CRASH, ({ payload }) => reject(payload.error))
      const watchdog = new Watchdog(`the reader of ${topic}`, SILENT_MS, ended.signal, reject)
      if (!ends) consumer.on(REQUEST, () => watchdog.heard())
      // Also where it has to join anew, and has forgotten where it was.
      consumer.on(GROUP_JOIN, () => {
        watchdog.heard()
        for (const [partition, position] of positions) consumer.seek({ topic, partition, offset: String(position) })
      })
      const eachBatch: EachBatchHandler = async ({ batch: { messages, partition } }) => {
        const position = positions.get(partition)!
        const fresh = messages.filter(({ offset }) => Number(offset) >= position)
        if (fresh.length === 0) return
        positions.set(partition, Number(fresh.at(-1)!.offset) + 1)
        watchdog.heard()
        if (await read(fresh, partition)) resolve()
      }
      consumer.run({ autoCommit: false, eachBatch }).catch(reject)
    })
  } finally {
    ended.abort()
    await consumer.disconnect()
  }
}

function assignerOf(topic: string, partitions: number[]): PartitionAssigner {
  const name = 'all-to-one'
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
