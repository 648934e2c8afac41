/**
 * One group's owner of one partition: shuts out whoever had it before, restores the state, then steps, and commits what several steps gave
 * as one transaction.
 *
 * Two may believe that they own a partition for a while (a rebalance, a process that hung). The transactional id decides: the later one
 * shuts the earlier one out, before it reads anything, so what it reads is final. kafkajs knows no fencing by group generation.
 *
 * A transaction whose end is not known (the broker went away) is never followed by another of the same producer: everything is begun anew,
 * and the state says whether it counted.
 */
import type { Producer } from 'kafkajs'
import { isRetriable, messageOf, PipelineError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import type { Batch, PartitionProcessor, ProcessOptions, Publication } from '../bus.ts'
import type { Client } from './client.ts'
import type { Feed } from './feed.ts'
import { type Gathered, Gathering } from './gathering.ts'
import type { Names } from './names.ts'
import { restore } from './restore.ts'
import { recordMessage, Sends } from './sends.ts'
import type { StateCopy } from './state-copy.ts'
import { type Offsets, offsetsMessage, stateMessage } from './state-record.ts'
import { inTransaction, TRANSACTION_TIMEOUT_MS } from './transaction.ts'
import type { Trial } from './trial.ts'

const DEFAULT_BATCH_BYTES = 1024 * 1024
const BACKOFF = { firstMs: 50, maxMs: 5000 }
/**
 * A transaction may begin a moment before the broker is done with the last one, and is asked for again. kafkajs waits 300 ms before it does,
 * each time; that moment is some ten. After a second and a half in all the owner begins anew.
 */
const SOON = { initialRetryTime: 5, multiplier: 1.5, retries: 12 }

export interface OwnerParts {
  kafka: Client
  names: Names
  partition: number
  feed: Feed
  copy: StateCopy
  logId: string
  /** First offset that a partition of a topic in Kafka still has, and the offset that its next record will have. */
  bounds(topic: string, partition: number): Promise<{ start: number; end: number }>
  /** Throws for a topic or partition that there is none of, and for a record that is too long. */
  require(records: readonly Publication[]): void
  /** Of the group: passed with its first commit. */
  trial: Trial
  logger: Logger | undefined
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
  const { kafka, names, partition, feed, copy, logId, bounds } = parts
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
    const state = names.state(options)
    const end = async () => (await bounds(state, partition)).end
    await restore({ kafka, producer, topic: state, partition, copy, end }, signal)
    const { start } = await bounds(names.topic(topic), partition)
    const isNew = copy.offsets === undefined
    const { next: committed, keep } = copy.offsets ?? { next: start, keep: start }
    requireFrom(keep, start, options, partition)
    if (isNew && start > 0) {
      // A group that forgot its state may have left an older offset in Kafka: senders would wait for it to go on, and it for them.
      await commit(producer, options, parts, { publish: [], state: [], offsets: { next: committed, keep } })
    }
    const again = { ...BACKOFF, signal, onRetry: report(options, parts) }
    processor = await retry(
      async () => options.start({ topic, partition, logId, committed, state: copy.state() }),
      again,
    )
    if (processor.from > committed) {
      throw new Error(`group ${group} starts at ${processor.from}, past its offset ${committed}`)
    }
    requireFrom(processor.from, start, options, partition)
    feed.start(processor.from)
    await loop(options, signal, parts, processor, producer, { next: committed, keep: start })
  } catch (error) {
    throw parts.trial.fromKafka(error)
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
  const gathering = new Gathering()
  const commitAll = async (): Promise<void> => {
    const gathered = gathering.take()
    if (gathered !== undefined) await commit(producer, options, parts, gathered)
  }
  try {
    while (!signal.aborted) {
      await stepOnce(options, signal, parts, processor, gathering, done)
      if (gathering.dueInMs === 0) await commitAll()
    }
  } catch (error) {
    if (!signal.aborted || !isOfAbort(error, signal)) throw error
  }
  // Done is done, also where the partition goes to another.
  await commitAll()
}

/** Takes what comes next, until the gathering is due. */
async function stepOnce(
  options: ProcessOptions,
  signal: AbortSignal,
  parts: OwnerParts,
  processor: PartitionProcessor,
  gathering: Gathering,
  done: Offsets,
): Promise<void> {
  const { topic, group, maxBatchBytes = DEFAULT_BATCH_BYTES } = options
  const { partition, feed } = parts
  const records = await feed.take(maxBatchBytes, signal, gathering.dueInMs)
  if (records.length === 0) return
  const batch: Batch = { topic, partition, records }
  const again = { ...BACKOFF, signal, onRetry: report(options, parts) }
  const result = await retry(async () => processor.step(batch, signal), again)
  if (result === undefined) return
  const { next, keep = next } = result
  const read = records.at(-1)!.offset + 1
  if (!(next >= done.next && next <= read) || !(keep >= done.keep && keep <= next)) {
    throw new Error(
      `group ${group} of ${topic}/${partition} returned next ${next} and keep ${keep}, outside ${done.next} to ${read}`,
    )
  }
  parts.require(result.publish ?? [])
  gathering.add(result, { next, keep })
  done.next = next
}

/** One transaction, and then the copy of what it says of the state. */
async function commit(
  producer: Producer,
  options: ProcessOptions,
  { names, partition, copy, trial, logger }: OwnerParts,
  { publish, state, offsets }: Gathered,
): Promise<void> {
  const stateTopic = names.state(options)
  const sends = new Sends()
  for (const { topic, partition: to, value } of publish) sends.add(names.topic(topic), recordMessage(to, value))
  for (const write of state) sends.add(stateTopic, stateMessage(partition, write))
  sends.add(stateTopic, offsetsMessage(partition, offsets))
  const at = await inTransaction(producer, async (transaction) => {
    let end = 0
    for (const topicMessages of sends) {
      const written = await transaction.sendBatch({ acks: -1, topicMessages })
      const base = written.find(({ topicName }) => topicName === stateTopic)?.baseOffset
      const count = topicMessages.find(({ topic }) => topic === stateTopic)?.messages.length ?? 0
      if (base !== undefined) end = Number(base) + count
    }
    // For Kafka's own tools, and for how far the group is behind: what counts is in the state.
    const { next, keep } = offsets
    await transaction.sendOffsets({
      consumerGroupId: names.group(options),
      topics: [
        {
          topic: names.topic(options.topic),
          partitions: [
            { partition, offset: String(next), metadata: String(keep) } as { partition: number; offset: string },
          ],
        },
      ],
    })
    return end
  })
  trial.pass()
  // Kafka has it; the next owner here reads more of it from there.
  await copy.write({ writes: state, offsets, at }).catch((error: unknown) => {
    logger?.warn({ group: options.group, partition, error: messageOf(error) }, 'the copy of the state is given up')
  })
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
