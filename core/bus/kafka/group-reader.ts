/**
 * A group's member in this process: gets its share of the partitions, and hands what it fetches to their owners.
 *
 * kafkajs gives a fetch to its handler and fetches nothing more until all of it was handled, and sends heartbeats only in between. So
 * nothing is handled there: records go into each owner's feed, and a step that hangs holds up no other partition and no heartbeat.
 */
import type { EachBatchHandler, Kafka } from 'kafkajs'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import type { ProcessOptions } from '../bus.ts'
import { KafkaJSError } from './errors.ts'
import { Feed, type Valve } from './feed.ts'
import type { Names } from './names.ts'
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
  names: Names
  /** How long a member may be silent before its partitions go to others. */
  sessionTimeoutMs: number
  /** Of the group: passed with its first commit. */
  trial: Trial
  /** Runs until the signal aborts. */
  own(partition: number, feed: Feed, signal: AbortSignal): Promise<void>
  logger: Logger | undefined
}

interface Owned {
  feed: Feed
  stop: AbortController
  done: Promise<void>
}

/**
 * Runs until the signal aborts (resolves), or an owner fails (rejects, once all have stopped). A member that loses its group or its broker is
 * made anew, with its owners. That is not left to kafkajs: it restarts some failures, leaves others dead, and restarts also what was told
 * to stop meanwhile.
 */
export async function readGroup(
  options: ProcessOptions,
  signal: AbortSignal,
  parts: GroupReaderOptions,
): Promise<void> {
  const onRetry = (error: unknown, attempt: number): void => {
    parts.logger?.warn(
      { topic: options.topic, group: options.group, attempt, error: messageOf(error) },
      'a reader of Kafka begins anew',
    )
  }
  try {
    await retry(() => beMember(options, signal, parts), { ...BACKOFF, signal, onRetry })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function beMember(
  options: ProcessOptions,
  signal: AbortSignal,
  { kafka, names, sessionTimeoutMs, trial, own }: GroupReaderOptions,
): Promise<void> {
  const topic = names.topic(options.topic)
  const consumer = kafka.consumer({
    groupId: names.group(options),
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.floor(sessionTimeoutMs / 10),
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: FETCH_BYTES,
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
  const valveOf = (partition: number): Valve => {
    const partitions = [{ topic, partitions: [partition] }]
    return {
      open: (from) =>
        order(() => {
          consumer.seek({ topic, partition, offset: String(from) })
          consumer.resume(partitions)
        }),
      close: () => order(() => consumer.pause(partitions)),
    }
  }
  const release = (partition: number): void => {
    const { stop, done } = owned.get(partition)!
    owned.delete(partition)
    stop.abort()
    leaving.push(done.catch(() => {}))
  }
  const run = (fail: (error: unknown) => void): void => {
    const what = `the consumer of ${options.group} on ${options.topic}`
    const watchdog = new Watchdog(what, SILENT_MS, ended.signal, fail)
    const { FETCH_START, GROUP_JOIN, REBALANCING } = consumer.events
    for (const event of [FETCH_START, GROUP_JOIN, REBALANCING]) consumer.on(event, () => watchdog.heard())
    consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error))
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const assigned = new Set(payload.memberAssignment[topic] ?? [])
      for (const [partition, { feed }] of owned) {
        if (assigned.has(partition)) feed.refresh()
        else release(partition)
      }
      options.onAssigned?.([...assigned])
      for (const partition of assigned) {
        if (owned.has(partition)) continue
        const feed = new Feed(valveOf(partition))
        // Nothing is fetched before the owner knows where to start.
        feed.stop()
        const stop = new AbortController()
        const done = own(partition, feed, stop.signal)
        done.catch(fail)
        owned.set(partition, { feed, stop, done })
      }
    })
    const eachBatch: EachBatchHandler = async ({ batch }) => owned.get(batch.partition)?.feed.offer(batch)
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
    options.onAssigned?.([])
    await Promise.all(leaving)
    await consumer.disconnect()
  }
}
