import kafkajs from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readGroup } from '../../../core/bus/kafka/group-reader.ts'
import { readPartitions } from '../../../core/bus/kafka/read-partitions.ts'
import { Trial } from '../../../core/bus/kafka/trial.ts'
import { type SilentConsumer, silentKafka } from './silent-kafka.ts'

const { KafkaJSGroupCoordinatorNotFound: GroupCoordinatorNotFound } = kafkajs as unknown as Record<
  'KafkaJSGroupCoordinatorNotFound',
  new (
    message: string,
  ) => Error
>

describe('a member of a group', () => {
  const lost = () => new GroupCoordinatorNotFound('Failed to find group coordinator')
  const begin = (stop: AbortController) => {
    const { kafka, consumers } = silentKafka()
    const own = () => ({ intake: { offer: () => {}, refresh: () => {} }, done: new Promise<void>(() => {}) })
    const options = { kafka, topic: 'in', groupId: 'g@in', sessionTimeoutMs: 10_000, own, trial: new Trial() }
    return { consumers, running: readGroup({ ...options, logger: undefined }, stop.signal) }
  }
  // The back-off before a new consumer is real, and short.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  const begun = (consumers: SilentConsumer[], index: number) =>
    vi.waitFor(() => expect(consumers[index]?.isRunning).toBe(true))
  /** Twice without a coordinator, with more than the twenty seconds between. */
  const loseCoordinator = async (consumers: SilentConsumer[]) => {
    await begun(consumers, 0)
    consumers[0]!.tell('crash', { error: lost() })
    await begun(consumers, 1)
    vi.advanceTimersByTime(21_000)
    consumers[1]!.tell('crash', { error: lost() })
  }

  it('that stands by outlives a time without coordinator', async () => {
    const stop = new AbortController()
    const { consumers, running } = begin(stop)
    await begun(consumers, 0)
    consumers[0]!.tell('join', { memberAssignment: {} })
    await loseCoordinator(consumers)
    await begun(consumers, 2)
    consumers[2]!.tell('join', { memberAssignment: {} })
    stop.abort()
    await running
  })

  it('that never joined takes such a time for a missing right', async () => {
    const { consumers, running } = begin(new AbortController())
    const outcome = expect(running).rejects.toMatchObject({ code: 'config' })
    await loseCoordinator(consumers)
    await outcome
  })
})

describe('a consumer that says nothing', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('of a group is made anew after three quarters of a minute, and not while the broker answers it', async () => {
    const { kafka, consumers } = silentKafka()
    const stop = new AbortController()
    const options = {
      kafka,
      topic: 'in',
      groupId: 'g@in',
      sessionTimeoutMs: 10_000,
      own: () => {
        throw new Error('no share')
      },
      trial: new Trial(),
      logger: undefined,
    }
    const running = readGroup(options, stop.signal)
    await vi.advanceTimersByTimeAsync(44_000)
    consumers[0]!.tell('request')
    await vi.advanceTimersByTimeAsync(44_000)
    expect(consumers).toHaveLength(1)
    // It has not joined, and can leave only once it has: that is waited for a little.
    await vi.advanceTimersByTimeAsync(7_000)
    await vi.waitFor(() => expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false, true]))
    stop.abort()
    await vi.advanceTimersByTimeAsync(5_000)
    await running
    expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false, false])
    expect(vi.getTimerCount()).toBe(0)
  })

  const positions = new Map([[3, 0]])
  const read = () => true

  it('of what there is to read is given up after half a minute, also while the broker answers', async () => {
    const { kafka, consumers } = silentKafka()
    const { signal } = new AbortController()
    const reading = readPartitions({ kafka, topic: 'g.in.state', positions, read, ends: true }, signal)
    const outcome = expect(reading).rejects.toMatchObject({
      code: 'bus_unavailable',
      retriable: true,
      message: 'the reader of g.in.state is silent for 30 s',
    })
    await vi.advanceTimersByTimeAsync(15_000)
    consumers[0]!.tell('request')
    await vi.advanceTimersByTimeAsync(15_000)
    await outcome
    expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false])
  })

  it('of what may come is given up only where the broker does not answer', async () => {
    const { kafka, consumers } = silentKafka()
    const { signal } = new AbortController()
    const reading = readPartitions({ kafka, topic: 'names', positions, read, ends: false }, signal)
    const outcome = expect(reading).rejects.toMatchObject({ code: 'bus_unavailable' })
    for (let i = 0; i < 4; i += 1) {
      await vi.advanceTimersByTimeAsync(29_000)
      expect(consumers.map(({ isConnected }) => isConnected)).toEqual([true])
      consumers[0]!.tell('request')
    }
    await vi.advanceTimersByTimeAsync(30_000)
    await outcome
  })
})
