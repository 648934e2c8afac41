/** Reading a topic beside all groups, every record for every follower. */
import type { KafkaMessage } from 'kafkajs'
import { messageOf, PipelineError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { retry } from '../../retry.ts'
import { unlessAborted } from '../../waiting.ts'
import type { Following, FollowOptions } from '../bus.ts'
import type { Client } from './client.ts'
import { type Ends, Front } from './front.ts'
import { readPartitions } from './read-partitions.ts'
import { Trial } from './trial.ts'

const BACKOFF = { firstMs: 50, maxMs: 5000 }
/** What `upToNow` may take: longer than brokers take that are there, shorter than senders wait. */
const UP_TO_NOW_MS = 5000

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
  /** Of the next appended record of each partition. Throws in the words of the bus. */
  ends(): Promise<Ends>
  logger: Logger | undefined
}

export function followTopic(options: FollowOptions, signal: AbortSignal, parts: FollowParts): Following {
  const trial = new Trial()
  let begin = (_: Front) => {}
  const begun = new Promise<Front>((resolve) => {
    begin = resolve
  })
  let catchUp = () => {}
  const reached = new Promise<void>((resolve) => {
    catchUp = resolve
  })
  const running = follow(options, signal, parts, {
    trial,
    onBegun: (front) => begin(front),
    onCaughtUp: () => catchUp(),
  })
  const ended = running.then(() => {
    throw signal.reason
  })
  const caughtUp = Promise.race([reached, ended])
  caughtUp.catch(() => {
    // Told to whoever awaits it.
  })
  return { caughtUp, running, upToNow: upToNowOf(begun, parts.ends, trial) }
}

async function follow(
  { onRecords }: FollowOptions,
  signal: AbortSignal,
  { kafka, topic, stretches, logger }: FollowParts,
  { trial, onBegun, onCaughtUp }: { trial: Trial; onBegun(front: Front): void; onCaughtUp(): void },
): Promise<void> {
  const onRetry = (error: unknown, attempt: number): void => {
    logger?.warn({ topic, attempt, error: messageOf(error) }, 'a follower of a topic begins anew')
  }
  const again = { ...BACKOFF, signal, onRetry }
  try {
    const found = await retry(stretches, again)
    const front = new Front(new Map(found.map(({ partition, from }) => [partition, from])))
    onBegun(front)
    const ends = found.map(({ partition, end }): [number, number] => [partition, end])
    front.reached(ends, signal).then(
      () => {
        trial.pass()
        onCaughtUp()
      },
      () => {
        // It ends.
      },
    )
    const read = (messages: readonly KafkaMessage[]): boolean => {
      onRecords(messages.map(({ offset, value }) => ({ offset: Number(offset), value: value ?? EMPTY })))
      front.moved()
      return false
    }
    const reading = async () => {
      try {
        await readPartitions({ kafka, topic, positions: front.positions, read, ends: false }, signal)
      } catch (error) {
        throw trial.fromKafka(error)
      }
    }
    await retry(reading, again)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/**
 * By the ends of the log, asked for now. That the last fetch brought nothing says too little: one that failed and is made anew, and one of
 * a broker that leads none of the partitions, bring nothing as well.
 */
function upToNowOf(begun: Promise<Front>, ends: () => Promise<Ends>, trial: Trial): () => Promise<void> {
  /** Has settled. Where the log does not answer there must not be ever more questions. */
  let last: Promise<unknown> = Promise.resolve()
  const endsOfNow = async (late: AbortSignal): Promise<Ends> => {
    await unlessAborted(late, last)
    const asked = ends()
    last = Promise.allSettled([asked])
    return unlessAborted(late, asked)
  }
  return async () => {
    const late = new AbortController()
    const reason = `the log has not given within ${UP_TO_NOW_MS / 1000} s what it holds`
    const timer = setTimeout(() => {
      late.abort(new PipelineError('bus_unavailable', reason, { retriable: true }))
    }, UP_TO_NOW_MS)
    try {
      const front = await unlessAborted(late.signal, begun)
      await front.reached(await endsOfNow(late.signal), late.signal)
    } catch (error) {
      throw trial.fromKafka(error)
    } finally {
      clearTimeout(timer)
    }
  }
}

const EMPTY = new Uint8Array()
