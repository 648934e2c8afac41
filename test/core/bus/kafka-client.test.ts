import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient } from '../../../core/bus/kafka/client.ts'
import { SilentBroker } from './silent-broker.ts'

/** kafkajs's own time for an answer. */
const REQUEST_MS = 30_000

describe('a client of a broker that takes connections and never answers', () => {
  let broker: SilentBroker
  beforeEach(async () => {
    broker = await SilentBroker.start()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await broker.stop()
  })
  // Sockets are real: what they do comes between the turns of the fake clock.
  const turns = async (fact: () => void) => {
    for (let turn = 0; turn < 200; turn += 1) {
      await new Promise(setImmediate)
      try {
        return fact()
      } catch {
        // Not yet.
      }
    }
    fact()
  }

  it('disconnects within five seconds, for good, and says that it was cut off', async () => {
    const warned: string[] = []
    const logger = { warn: (_: object, text: string) => warned.push(text) } as never
    const consumer = createClient({ brokers: [broker.address] }, logger).consumer({ groupId: 'g@in' })
    const connecting = consumer.connect()
    const failed = expect(connecting).rejects.toThrow()
    await turns(() => expect(broker.open.size).toBe(1))
    const disconnected = consumer.disconnect()
    await vi.advanceTimersByTimeAsync(5_000)
    await disconnected
    await turns(() => expect(broker.open.size).toBe(0))
    expect(warned).toEqual(['a consumer of g@in is cut off: Kafka has not let it go for 5 s'])
    // kafkajs tries to connect some times more.
    for (let second = 0; second < 60; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      await new Promise(setImmediate)
    }
    await failed
    expect(broker.connections).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('connects anew after the time of a request, instead of asking again where nobody answers', async () => {
    const admin = createClient({ brokers: [broker.address] }).admin()
    const connecting = admin.connect()
    const failed = expect(connecting).rejects.toThrow()
    await turns(() => expect(broker.open.size).toBe(1))
    const [first] = broker.open
    await vi.advanceTimersByTimeAsync(REQUEST_MS + 200)
    await turns(() => expect(broker.open.has(first!)).toBe(false))
    for (let second = 0; second < 3; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      await new Promise(setImmediate)
    }
    await turns(() => expect(broker.connections).toBe(2))
    const disconnected = admin.disconnect()
    await vi.advanceTimersByTimeAsync(5_000)
    await disconnected
    for (let second = 0; second < 60; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      await new Promise(setImmediate)
    }
    await failed
  })
})
