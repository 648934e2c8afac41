/**
 * One group's owner of one partition: shuts out whoever had it before, restores the state, then steps and commits, each step as one
 * transaction.
 *
 * Two may believe that they own a partition for a while (a rebalance, a process that hung). The transactional id decides: the later one
 * shuts the earlier one out, before it reads anything, so what it reads is final. kafkajs knows no fencing by group generation.
 *
 * A transaction whose end is not known (the broker went away) is never followed by another of the same producer: everything is begun anew,
 * and the state says whether it counted.
 */
import { randomUUID } from 'node:crypto'
import type { Kafka, Message, Producer, Transaction } from 'kafkajs'
import { isRetriable, messageOf, PipelineError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import type { Batch, PartitionProcessor, ProcessOptions, Publication, StepResult } from '../bus.ts'
import { fromKafka } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Names } from './names.ts'
import { readPartition } from './one-partition.ts'
import {
  markerMessage,
  type Offsets,
  offsetsMessage,
  readOffsets,
  readStateMessage,
  stateMessage,
} from './state-record.ts'

const DEFAULT_BATCH_BYTES = 1024 * 1024
const BACKOFF = { firstMs: 50, maxMs: 5000 }
const TRANSACTION_TIMEOUT_MS = 60_000
/**
 * A transaction may begin a moment before the broker is done with the last one, and is asked for again. kafkajs waits 300 ms before it does,
 * each time; that moment is some ten. After a second and a half in all the owner begins anew.
 */
const SOON = { initialRetryTime: 5, multiplier: 1.5, retries: 12 }

export interface OwnerParts {
  kafka: Kafka
  names: Names
  partition: number
  feed: Feed
  /** First offset that the log still has. */
  logStart(): Promise<number>
  /** Throws for a topic or partition that there is none of, and for a record that is too long. */
  require(records: readonly Publication[]): void
  logger: Logger | undefined
}

interface Restored {
  offsets: Offsets | undefined
  /** Ordered by key. */
  state: [key: string, value: Uint8Array][]
}

/** Runs until the signal aborts; rejects when a step fails for good. */
export async function ownPartition(options: ProcessOptions, signal: AbortSignal, parts: OwnerParts): Promise<void> {
  const again = { ...BACKOFF, signal, onRetry: report(options, parts) }
  try {
    await retry(() => own(options, signal, parts), again)
  } catch (error) {
    if (!signal.aborted || !isOfAbort(error, signal)) throw error
  }
}

async function own(options: ProcessOptions, signal: AbortSignal, parts: OwnerParts): Promise<void> {
  const { topic, group } = options
  const { kafka, names, partition, feed } = parts
  const producer = kafka.producer({
    transactionalId: names.transactionalId(options, partition),
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: SOON,
  })
  let processor: PartitionProcessor | undefined
  try {
    const { offsets, state } = await restore(producer, options, signal, parts)
    const start = await parts.logStart()
    const { next: committed, keep } = offsets ?? { next: start, keep: start }
    requireFrom(keep, start, options, partition)
    const again = { ...BACKOFF, signal, onRetry: report(options, parts) }
    processor = await retry(async () => options.start({ topic, partition, committed, state }), again)
    if (processor.from > committed) {
      throw new Error(`group ${group} starts at ${processor.from}, past its offset ${committed}`)
    }
    requireFrom(processor.from, start, options, partition)
    feed.start(processor.from)
    await loop(options, signal, parts, processor, producer, { next: committed, keep: start })
  } catch (error) {
    throw fromKafka(error)
  } finally {
    feed.stop()
    await processor?.stop?.()
    await producer.disconnect()
  }
}

/** `done`: how far the group is, and the first offset that the log has. */
async function loop(
  options: ProcessOptions,
  signal: AbortSignal,
  parts: OwnerParts,
  processor: PartitionProcessor,
  producer: Producer,
  done: Offsets,
): Promise<void> {
  const { topic, group, maxBatchBytes = DEFAULT_BATCH_BYTES } = options
  const { partition, feed } = parts
  const again = { ...BACKOFF, signal, onRetry: report(options, parts) }
  while (!signal.aborted) {
    const records = await feed.take(maxBatchBytes, signal)
    if (records.length === 0) continue
    const batch: Batch = { topic, partition, records }
    const result = await retry(async () => processor.step(batch, signal), again)
    if (result === undefined) continue
    const { next, keep = next } = result
    const read = records.at(-1)!.offset + 1
    if (!(next >= done.next && next <= read) || !(keep >= done.keep && keep <= next)) {
      throw new Error(
        `group ${group} of ${topic}/${partition} returned next ${next} and keep ${keep}, outside ${done.next} to ${read}`,
      )
    }
    parts.require(result.publish ?? [])
    await commit(producer, options, parts, result, { next, keep })
    done.next = next
  }
}

async function commit(
  producer: Producer,
  options: ProcessOptions,
  { names, partition }: OwnerParts,
  { publish = [], state = [] }: StepResult,
  offsets: Offsets,
): Promise<void> {
  const messages = new Map<string, Message[]>()
  const add = (topic: string, message: Message): void => {
    const known = messages.get(topic)
    if (known === undefined) messages.set(topic, [message])
    else known.push(message)
  }
  for (const { topic, partition: to, value } of publish) {
    add(names.topic(topic), { partition: to, value: Buffer.from(value) })
  }
  for (const write of state) add(names.state, stateMessage(options, partition, write))
  add(names.state, offsetsMessage(options, partition, offsets))
  await inTransaction(producer, async (transaction) => {
    await transaction.sendBatch({
      acks: -1,
      topicMessages: [...messages].map(([topic, list]) => ({ topic, messages: list })),
    })
    // For Kafka's own tools, and `lag`: what counts is in the state.
    await transaction.sendOffsets({
      consumerGroupId: names.group(options),
      topics: [{ topic: names.topic(options.topic), partitions: [{ partition, offset: String(offsets.next) }] }],
    })
  })
}

async function inTransaction(producer: Producer, work: (transaction: Transaction) => Promise<void>): Promise<void> {
  const transaction = await producer.transaction()
  try {
    await work(transaction)
    await transaction.commit()
  } catch (error) {
    await transaction.abort().catch(() => {
      // Its owner begins anew, which ends it.
    })
    throw error
  }
}

/**
 * Shuts out the owner before, and reads all that any of them left. A marker of its own, written behind it all, tells when that is done: the
 * end of a log with transactions in it is not otherwise seen by a reader.
 */
async function restore(
  producer: Producer,
  options: ProcessOptions,
  signal: AbortSignal,
  { kafka, names, partition }: OwnerParts,
): Promise<Restored> {
  await producer.connect()
  const marker = randomUUID()
  await inTransaction(producer, async (transaction) => {
    await transaction.send({ acks: -1, topic: names.state, messages: [markerMessage(options, partition, marker)] })
  })
  const state = new Map<string, Uint8Array>()
  let offsets: Offsets | undefined
  const read = (key: Buffer | null, value: Buffer | null): boolean => {
    const record = readStateMessage(options, key, value)
    if (record?.kind === 'state') {
      if (value === null) state.delete(record.key)
      else state.set(record.key, value)
    } else if (record?.kind === 'offsets' && value !== null) offsets = readOffsets(value)
    return record?.kind === 'marker' && String(value) === marker
  }
  await readPartition(kafka, names.state, partition, ({ key, value }) => read(key, value), signal)
  const byKey = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
  return { offsets, state: [...state].sort(([a], [b]) => byKey(a, b)) }
}

function requireFrom(offset: number, start: number, { group, topic }: ProcessOptions, partition: number): void {
  if (offset >= start) return
  throw new PipelineError(
    'offset_lost',
    `group ${group} needs ${topic}/${partition} from offset ${offset}, and the log begins at ${start}`,
  )
}

function report({ topic, group }: ProcessOptions, { partition, logger }: OwnerParts) {
  return (error: unknown, attempt: number, pauseMs: number): void => {
    if (attempt % 10 !== 1) return
    const where = { topic, partition, group, attempt, pauseMs: Math.round(pauseMs) }
    logger?.warn({ ...where, error: messageOf(error) }, 'a step or its start failed and is tried again')
  }
}

function isOfAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError') || isRetriable(error)
}
