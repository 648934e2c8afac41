import type { Kafka } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readGroup } from '../../../core/bus/kafka/group-reader.ts'
import { Names } from '../../../core/bus/kafka/names.ts'
import { readPartitions } from '../../../core/bus/kafka/read-partitions.ts'
import { Trial } from '../../../core/bus/kafka/trial.ts'

/** A kafkajs whose consumers begin and then say nothing by themselves. */
function silentKafka() {
  const consumers: { tell(event: string): void; isConnected: boolean }[] = []
  const consumer = () => {
    const listeners = new Map<string, (() => void)[]>()
    const one = {
      tell: (event: string) => {
        for (const listener of listeners.get(event) ?? []) listener()
      },
      isConnected: true,
    }
    consumers.push(one)
    return {
      events: { CRASH: 'crash', GROUP_JOIN: 'join', FETCH_START: 'fetch', REBALANCING: 'rebalancing' },
      on: (event: string, listener: () => void) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
      connect: async () => {},
      subscribe: async () => {},
      run: async () => {},
      disconnect: async () => {
        one.isConnected = false
      },
    }
  }
  return { kafka: { consumer } as unknown as Kafka, consumers }
}

describe('a consumer that says nothing', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('of a group is made anew after a minute and a half, and not while it fetches', async () => {
    const { kafka, consumers } = silentKafka()
    const stop = new AbortController()
    const options = { topic: 'in', group: 'g', signal: stop.signal, start: () => Promise.reject(new Error('no share')) }
    const parts = {
      kafka,
      names: new Names(''),
      sessionTimeoutMs: 10_000,
      own: async () => {},
      trial: new Trial(),
      logger: undefined,
    }
    const running = readGroup(options, stop.signal, parts)
    await vi.advanceTimersByTimeAsync(89_000)
    consumers[0]!.tell('fetch')
    await vi.advanceTimersByTimeAsync(89_000)
    expect(consumers).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(2_000)
    await vi.waitFor(() => expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false, true]))
    stop.abort()
    await running
    expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false, false])
    expect(vi.getTimerCount()).toBe(0)
  })

  const positions = new Map([[3, 0]])
  const read = () => true

  it('of what there is to read is given up after half a minute, also while it fetches', async () => {
    const { kafka, consumers } = silentKafka()
    const { signal } = new AbortController()
    const reading = readPartitions({ kafka, topic: 'g.in.state', positions, read, ends: true }, signal)
    const outcome = expect(reading).rejects.toMatchObject({
      code: 'bus_unavailable',
      retriable: true,
      message: 'the reader of g.in.state is silent for 30 s',
    })
    await vi.advanceTimersByTimeAsync(15_000)
    consumers[0]!.tell('fetch')
    await vi.advanceTimersByTimeAsync(15_000)
    await outcome
    expect(consumers.map(({ isConnected }) => isConnected)).toEqual([false])
  })

  it('of what may come is given up only where it does not fetch', async () => {
    const { kafka, consumers } = silentKafka()
    const { signal } = new AbortController()
    const reading = readPartitions({ kafka, topic: 'names', positions, read, ends: false }, signal)
    const outcome = expect(reading).rejects.toMatchObject({ code: 'bus_unavailable' })
    for (let i = 0; i < 4; i += 1) {
      await vi.advanceTimersByTimeAsync(29_000)
      expect(consumers.map(({ isConnected }) => isConnected)).toEqual([true])
      consumers[0]!.tell('fetch')
    }
    await vi.advanceTimersByTimeAsync(30_000)
    await outcome
  })
})
