/**
 * A group's member in this process: gets its share of the partitions, and hands what it fetches to their owners.
 *
 * kafkajs gives a fetch to its handler and fetches nothing more until all of it was handled, and sends heartbeats only in between. So
 * nothing is handled there: records go into each owner's feed, and a step that hangs holds up no other partition and no heartbeat.
 */
import type { EachBatchHandler, Batch as Fetched, Kafka } from 'kafkajs'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import { KafkaJSError } from './errors.ts'
import type { Valve } from './feed.ts'
import { PATIENCE } from './patience.ts'
import type { Trial } from './trial.ts'
import { Watchdog } from './watchdog.ts'

const MAX_WAIT_MS = 100
/** What one fetch brings, of one partition or all. One record is given however long it is. */
const FETCH_BYTES = 4 * 1024 * 1024
const BACKOFF = { firstMs: 50, maxMs: 5000 }
/** Longer than members wait for each other when they join (a minute). */
const SILENT_MS = 90_000

export interface GroupReaderOptions {
  kafka: Kafka
  /** The names in Kafka. */
  topic: string
  groupId: string
  /** How long a member may be silent before its partitions go to others. */
  sessionTimeoutMs: number
  /** Of the group: passed with its first commit, or by standing by. */
  trial: Trial
  /** Takes up a partition, until the signal aborts. Nothing is fetched of it before its valve is opened. */
  own(partition: number, handle: PartitionHandle, signal: AbortSignal): Ownership
  /** Told this process's share each time that changes, before `own` is called for what is new. */
  onAssigned?(partitions: readonly number[]): void
  /** The member has ended, with its share; the next one may follow. */
  onLeft?(): void
  logger: Logger | undefined
}

/** The consumer's side of a partition. */
export interface PartitionHandle extends Valve {
  /** Notes in Kafka that all before this offset is done. Throws what kafkajs does. */
  commit(next: number): Promise<void>
}

/** Where what is fetched of a partition goes. */
export interface Intake {
  offer(fetched: Fetched): void
  /** The consumer has joined its group anew, and knows neither where this partition is nor whether it may be fetched. */
  refresh(): void
}

export interface Ownership {
  intake: Intake
  /** Resolves after the signal; rejects with what keeps the owner from going on. */
  done: Promise<void>
}

interface Owned extends Ownership {
  stop: AbortController
}

/**
 * Runs until the signal aborts (resolves), or an owner fails (rejects, once all have stopped). A member that loses its group or its broker is
 * made anew, with its owners. That is not left to kafkajs: it restarts some failures, leaves others dead, and restarts also what was told
 * to stop meanwhile.
 */
export async function readGroup(options: GroupReaderOptions, signal: AbortSignal): Promise<void> {
  const { topic, groupId: group, logger } = options
  const onRetry = (error: unknown, attempt: number): void => {
    logger?.warn({ topic, group, attempt, error: messageOf(error) }, 'a reader of Kafka begins anew')
  }
  try {
    await retry(() => beMember(options, signal), { ...BACKOFF, signal, onRetry })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function beMember(options: GroupReaderOptions, signal: AbortSignal): Promise<void> {
  const { kafka, topic, groupId, sessionTimeoutMs, trial, own } = options
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.floor(sessionTimeoutMs / 10),
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { ...PATIENCE, restartOnFailure: async () => false },
  })
  const owned = new Map<number, Owned>()
  const leaving: Promise<void>[] = []
  const ended = new AbortController()

  /** A consumer that is going down takes no orders; the next one begins where its owners say. */
  const order = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof KafkaJSError)) throw error
    }
  }
  const handleOf = (partition: number): PartitionHandle => {
    const partitions = [{ topic, partitions: [partition] }]
    return {
      open: (from) =>
        order(() => {
          consumer.seek({ topic, partition, offset: String(from) })
          consumer.resume(partitions)
        }),
      close: () => order(() => consumer.pause(partitions)),
      commit: (next) => consumer.commitOffsets([{ topic, partition, offset: String(next) }]),
    }
  }
  const release = (partition: number): void => {
    const { stop, done } = owned.get(partition)!
    owned.delete(partition)
    stop.abort()
    leaving.push(done.catch(() => {}))
  }
  const run = (fail: (error: unknown) => void): void => {
    const what = `the consumer of ${groupId}`
    const watchdog = new Watchdog(what, SILENT_MS, ended.signal, fail)
    const { FETCH_START, GROUP_JOIN, REBALANCING } = consumer.events
    for (const event of [FETCH_START, GROUP_JOIN, REBALANCING]) consumer.on(event, () => watchdog.heard())
    consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error))
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = new Set(payload.memberAssignment[topic] ?? [])
      for (const [partition, { intake }] of owned) {
        if (assigned.has(partition)) intake.refresh()
        else release(partition)
      }
      // Who stands by commits nothing, and needs no more than to belong.
      if (assigned.size === 0) trial.pass()
      options.onAssigned?.([...assigned])
      for (const partition of assigned) {
        if (owned.has(partition)) continue
        const handle = handleOf(partition)
        handle.close()
        const stop = new AbortController()
        const ownership = own(partition, handle, stop.signal)
        ownership.done.catch(fail)
        owned.set(partition, { ...ownership, stop })
      }
    })
    const eachBatch: EachBatchHandler = async ({ batch }) => owned.get(batch.partition)?.intake.offer(batch)
    consumer.run({ autoCommit: false, eachBatch }).catch(fail)
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { signal: ended.signal })
      run(reject)
    })
  } catch (error) {
    throw trial.fromKafka(error)
  } finally {
    ended.abort()
    for (const partition of [...owned.keys()]) release(partition)
    options.onLeft?.()
    await Promise.all(leaving)
    await consumer.disconnect()
  }
}
