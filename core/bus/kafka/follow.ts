/** Reading a topic beside all groups, every record for every follower. */
import type { KafkaMessage } from 'kafkajs'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import type { Following, FollowOptions } from '../bus.ts'
import type { Client } from './client.ts'
import { readPartitions } from './read-partitions.ts'
import { Trial } from './trial.ts'

const BACKOFF = { firstMs: 50, maxMs: 5000 }

/** Of one partition, as it is when following begins. */
export interface Stretch {
  partition: number
  /** Of the first record to give. */
  from: number
  /** That the next appended record will have. */
  end: number
}

export interface FollowParts {
  kafka: Pick<Client, 'consumer'>
  /** The topic's name in Kafka. */
  topic: string
  /** Throws in the words of the bus. */
  stretches(): Promise<readonly Stretch[]>
  logger: Logger | undefined
}

export function followTopic(options: FollowOptions, signal: AbortSignal, parts: FollowParts): Following {
  let caughtUp = () => {}
  const reached = new Promise<void>((resolve) => {
    caughtUp = resolve
  })
  let asOfMs = performance.now()
  const running = follow(options, signal, parts, {
    onCaughtUp: () => caughtUp(),
    onAnswer: (ms) => {
      asOfMs = ms
    },
  })
  const ended = running.then(() => {
    throw signal.reason
  })
  const all = Promise.race([reached, ended])
  all.catch(() => {
    // Told to whoever awaits it.
  })
  return { caughtUp: all, running, ageSeconds: () => (performance.now() - asOfMs) / 1000 }
}

async function follow(
  { onRecords }: FollowOptions,
  signal: AbortSignal,
  { kafka, topic, stretches, logger }: FollowParts,
  { onCaughtUp, onAnswer }: { onCaughtUp(): void; onAnswer(asOfMs: number): void },
): Promise<void> {
  const onRetry = (error: unknown, attempt: number): void => {
    logger?.warn({ topic, attempt, error: messageOf(error) }, 'a follower of a topic begins anew')
  }
  const again = { ...BACKOFF, signal, onRetry }
  const trial = new Trial()
  const allGiven = (): void => {
    trial.pass()
    onCaughtUp()
  }
  try {
    const begun = await retry(stretches, again)
    const positions = new Map(begun.map(({ partition, from }) => [partition, from]))
    const behind = new Map(begun.flatMap(({ partition, from, end }) => (from < end ? [[partition, end]] : [])))
    if (behind.size === 0) allGiven()
    const read = (messages: readonly KafkaMessage[], partition: number): boolean => {
      onRecords(messages.map(({ offset, value }) => ({ offset: Number(offset), value: value ?? EMPTY })))
      const end = behind.get(partition)
      if (end !== undefined && positions.get(partition)! >= end && behind.delete(partition) && behind.size === 0) {
        allGiven()
      }
      return false
    }
    const reading = async () => {
      try {
        await readPartitions({ kafka, topic, positions, read, onAnswer, ends: false }, signal)
      } catch (error) {
        throw trial.fromKafka(error)
      }
    }
    await retry(reading, again)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const EMPTY = new Uint8Array()
