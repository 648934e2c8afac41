/**
 * A group's member in this process: gets its share of the partitions, and hands what it fetches to their owners.
 *
 * kafkajs gives a fetch to its handler and fetches nothing more until all of it was handled, and sends heartbeats only in between. So
 * nothing is handled there: records go into each owner's feed, and a step that hangs holds up no other partition and no heartbeat.
 */
import kafkajs, { type EachBatchHandler, type Batch as Fetched } from 'kafkajs'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import { settlesWithin } from '../../waiting.ts'
import type { Client } from './client.ts'
import { KafkaJSError } from './errors.ts'
import type { Valve } from './feed.ts'
import { PATIENCE } from './patience.ts'
import { type Claim, stickyAssigner } from './sticky-assigner.ts'
import type { Trial } from './trial.ts'
import { Watchdog } from './watchdog.ts'

const MAX_WAIT_MS = 100
/** What one fetch brings, of one partition or all. One record is given however long it is. */
const FETCH_BYTES = 4 * 1024 * 1024
const BACKOFF = { firstMs: 50, maxMs: 5000 }
/** A member that lives has joined anew long before: it does so between two fetches, whatever its owners are at. */
const LEAST_REBALANCE_MS = 20_000
/** Longer than any request may take that waits for other members. */
const SILENT_AFTER_REBALANCE_MS = 25_000
/** What owners are at when they are told to stop is given up then: what was not committed is done again by whoever comes next. */
const FINISH_MS = 10_000
/** One that stops while it joins can leave only once it has. */
const JOINED_MS = 5000

export interface GroupReaderOptions {
  kafka: Pick<Client, 'consumer'>
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

/** What this process had last. A member that is made anew asks for it again: there is a copy of its state here. */
interface Share {
  last: Claim
}

interface Owned extends Ownership {
  /** Takes no orders once the partition is given back: its next owner may be one of this member again. */
  handle: PartitionHandle
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
  const share: Share = { last: { since: 0, partitions: [] } }
  try {
    await retry(() => beMember(options, share, signal), { ...BACKOFF, signal, onRetry })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function beMember(options: GroupReaderOptions, share: Share, signal: AbortSignal): Promise<void> {
  const { kafka, topic, groupId, sessionTimeoutMs, trial, own, logger } = options
  const rebalanceTimeout = Math.max(LEAST_REBALANCE_MS, sessionTimeoutMs)
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout,
    // The second is for members of a version that knows no other.
    partitionAssigners: [stickyAssigner(topic, () => share.last), kafkajs.PartitionAssigners.roundRobin],
    heartbeatInterval: Math.floor(sessionTimeoutMs / 10),
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { ...PATIENCE, restartOnFailure: async () => false },
  })
  const owned = new Map<number, Owned>()
  const leaving = new Set<Promise<void>>()
  const ended = new AbortController()
  let joins: Promise<void> = Promise.resolve()

  /** A consumer that is going down takes no orders; the next one begins where its owners say. */
  const order = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!(error instanceof KafkaJSError)) throw error
    }
  }
  const handleOf = (partition: number, isOwned: () => boolean): PartitionHandle => {
    const partitions = [{ topic, partitions: [partition] }]
    const orderOfOwner = (work: () => void): void => {
      if (isOwned()) order(work)
    }
    return {
      open: (from) =>
        orderOfOwner(() => {
          consumer.seek({ topic, partition, offset: String(from) })
          consumer.resume(partitions)
        }),
      close: () => orderOfOwner(() => consumer.pause(partitions)),
      commit: (next) => consumer.commitOffsets([{ topic, partition, offset: String(next) }]),
    }
  }
  const take = (partition: number, fail: (error: unknown) => void): void => {
    const stop = new AbortController()
    const handle = handleOf(partition, () => !stop.signal.aborted)
    handle.close()
    const ownership = own(partition, handle, stop.signal)
    ownership.done.catch(fail)
    owned.set(partition, { ...ownership, handle, stop })
  }
  const release = (partition: number): void => {
    const { handle, stop, done } = owned.get(partition)!
    owned.delete(partition)
    handle.close()
    stop.abort()
    const finished = finish(partition, done).finally(() => leaving.delete(finished))
    leaving.add(finished)
  }
  const finish = async (partition: number, done: Promise<void>): Promise<void> => {
    if (await settlesWithin(done, FINISH_MS)) return
    const seconds = FINISH_MS / 1000
    logger?.warn(
      { topic, partition, group: groupId },
      `work was under way for ${seconds} s after its stop, and is given up`,
    )
  }
  const run = (fail: (error: unknown) => void): void => {
    const { REQUEST, CRASH, GROUP_JOIN } = consumer.events
    const silentMs = rebalanceTimeout + SILENT_AFTER_REBALANCE_MS
    const watchdog = new Watchdog(`the consumer of ${groupId}`, silentMs, ended.signal, fail)
    consumer.on(REQUEST, () => watchdog.heard())
    joins = new Promise((resolve) => {
      consumer.on(GROUP_JOIN, () => resolve())
      consumer.on(CRASH, () => resolve())
    })
    consumer.on(CRASH, ({ payload }) => fail(payload.error))
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (ended.signal.aborted) return
      const assigned = new Set(payload.memberAssignment[topic] ?? [])
      for (const [partition, { intake }] of owned) {
        if (assigned.has(partition)) intake.refresh()
        else release(partition)
      }
      // Who stands by commits nothing, and needs no more than to belong.
      if (assigned.size === 0) trial.pass()
      share.last = { since: Date.now(), partitions: [...assigned] }
      options.onAssigned?.([...assigned])
      for (const partition of assigned) if (!owned.has(partition)) take(partition, fail)
    })
    const eachBatch: EachBatchHandler = async ({ batch }) => owned.get(batch.partition)?.intake.offer(batch)
    consumer.run({ autoCommit: false, eachBatch }).catch(fail)
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return resolve()
      signal.addEventListener('abort', () => resolve(), { signal: ended.signal })
      run(reject)
    })
  } catch (error) {
    throw trial.fromKafka(error)
  } finally {
    ended.abort()
    for (const partition of [...owned.keys()]) release(partition)
    options.onLeft?.()
    await Promise.all([...leaving, settlesWithin(joins, JOINED_MS)])
    await consumer.disconnect()
  }
}
