import type { Batch, KafkaMessage } from 'kafkajs'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import type { Delivery, Receipt } from '../../../collector/delivery.ts'
import type { TopicConfig } from '../../../collector/kafka/config.ts'
import { type Bounds, PartitionReader } from '../../../collector/kafka/partition-reader.ts'
import type { Rejected } from '../../../collector/rejected.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../core/clock.ts'
import { PipelineError } from '../../../core/errors.ts'

const NOW = 1_795_296_000 * SECOND
const TOPIC: TopicConfig = { topic: 'otlp_logs', signal: 'logs', encoding: 'otlp_proto', trusted: false }
const MAX_BODY_BYTES = 100

type Received = Omit<Delivery, 'body'> & { settle(error?: unknown): void }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A reader, what it told the consumer, and what it handed on; whatever it hands on waits for its test to say what becomes of it. */
async function reading(bounds: Partial<Bounds> = {}) {
  const told: string[] = []
  const received: Received[] = []
  const rejected: Rejected[] = []
  let refusal: unknown
  let committing: (next: number) => Promise<void> = async () => {}
  let lost = 0
  const clock = { time: NOW, now: () => clock.time }
  const where: Bounds = { committed: undefined, start: 0, end: 100, ...bounds }
  const ingest = {
    async receive(
      announced: Omit<Delivery, 'body' | 'received'> & Partial<Pick<Delivery, 'received'>>,
      read: (take: (bytes: number) => void) => Promise<Uint8Array>,
    ): Promise<Receipt> {
      const body = await read(() => {
        if (refusal !== undefined) throw refusal
      })
      await new Promise<void>((resolve, reject) => {
        const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error))
        received.push({ received: 0, ...announced, settle })
      })
      return { records: body.length, rejected: 0, reason: '' }
    },
    async setAside(one: Rejected) {
      rejected.push(one)
    },
  }
  const reader = new PartitionReader({
    topic: TOPIC,
    partition: 3,
    handle: {
      open: (from) => told.push(`open at ${from}`),
      close: () => told.push('close'),
      commit: async (next) => {
        await committing(next)
        told.push(`commit ${next}`)
      },
    },
    bounds: async () => where,
    ingest,
    clock,
    maxBodyBytes: MAX_BODY_BYTES,
    onLost: (messages) => {
      lost += messages
    },
    logger: pino({ level: 'silent' }),
  })
  const stopping = new AbortController()
  let keeps = true
  const running = reader.run(stopping.signal, () => keeps)
  const opened = (from: number) =>
    expect.poll(() => told.filter((one) => one !== 'close').at(-1)).toBe(`open at ${from}`)
  const stop = async (isKept = true) => {
    keeps = isKept
    for (const { settle } of received) settle()
    stopping.abort()
    await running
  }
  stops.push(() => stop())
  return {
    reader,
    told,
    received,
    rejected,
    clock,
    where,
    stop,
    opened,
    lost: () => lost,
    offsets: () => received.map(({ origin }) => Number(origin!.split('/')[2])),
    refuseWith: (error: unknown) => {
      refusal = error
    },
    commitWith: (work: (next: number) => Promise<void>) => {
      committing = work
    },
  }
}

const ms = (us: number) => String(us / 1000)
const at = (offset: number, us = NOW, value: Buffer | null = Buffer.from('x')) =>
  ({ offset: String(offset), timestamp: ms(us), value }) as KafkaMessage

function fetched(messages: KafkaMessage[], more: { fetchedOffset?: number; end?: number } = {}): Batch {
  const last = messages.at(-1)!.offset
  return {
    messages,
    fetchedOffset: String(more.fetchedOffset ?? messages[0]!.offset),
    highWatermark: String(more.end ?? 100),
    lastOffset: () => last,
  } as unknown as Batch
}

const throttled = () => new PipelineError('throttled', 'too fast', { retriable: true, retryAfterMs: 1 })

describe('the reader of a partition', () => {
  it("begins at the group's offset, or at the beginning where the group is new", async () => {
    await (await reading({ committed: 7 })).opened(7)
    await (await reading({ start: 5 })).opened(5)
  })

  it('names each message by its place and its time', async () => {
    const { reader, received, opened } = await reading()
    await opened(0)
    reader.offer(fetched([at(0), at(1)]))
    await expect.poll(() => received.length).toBe(2)
    expect(received.map(({ origin }) => origin)).toEqual([`otlp_logs/3/0/${ms(NOW)}`, `otlp_logs/3/1/${ms(NOW)}`])
    expect(received[0]!.sender).toEqual({ key: 'kafka:otlp_logs', trust: 'claimed', identity: '' })
  })

  it('commits what is durable with all before it, and nothing past that', async () => {
    const { reader, told, received, opened } = await reading()
    await opened(0)
    reader.offer(fetched([at(0), at(1), at(2)]))
    await expect.poll(() => received.length).toBe(3)
    received[2]!.settle()
    received[0]!.settle()
    await expect.poll(() => told).toContain('commit 1')
    received[1]!.settle()
    await expect.poll(() => told).toContain('commit 3')
  })

  it('tries again to commit what could not be committed', async () => {
    const { reader, told, received, opened, commitWith } = await reading()
    commitWith(async () => {
      commitWith(async () => {})
      throw new Error('rebalancing')
    })
    await opened(0)
    reader.offer(fetched([at(0)]))
    await expect.poll(() => received.length).toBe(1)
    received[0]!.settle()
    await expect.poll(() => told).toContain('commit 1')
  })

  it('commits at the end, unless the partition is not its own any more', async () => {
    const begin = async () => {
      const one = await reading()
      await one.opened(0)
      one.reader.offer(fetched([at(0)]))
      await expect.poll(() => one.received.length).toBe(1)
      return one
    }
    const kept = await begin()
    await kept.stop()
    expect(kept.told).toContain('commit 1')
    const lost = await begin()
    await lost.stop(false)
    expect(lost.told).not.toContain('commit 1')
  })

  it('goes back to the first message that is not durable, and hands on none twice that is', async () => {
    const { reader, received, opened, offsets } = await reading()
    await opened(0)
    reader.offer(fetched([at(0), at(1), at(2), at(3)]))
    await expect.poll(() => received.length).toBe(4)
    for (const i of [0, 2]) received[i]!.settle()
    for (const i of [1, 3]) received[i]!.settle(throttled())
    await opened(1)
    reader.offer(fetched([at(1), at(2), at(3)]))
    await expect.poll(offsets).toEqual([0, 1, 2, 3, 1, 3])
  })

  it('takes in nothing more where there is no room, and goes on from there', async () => {
    const { reader, told, received, opened, offsets, refuseWith } = await reading({ committed: 4 })
    await opened(4)
    refuseWith(throttled())
    reader.offer(fetched([at(4), at(5)]))
    await expect.poll(() => told.at(-1)).toBe('open at 4')
    expect(received).toEqual([])
    refuseWith(undefined)
    await expect
      .poll(() => {
        reader.offer(fetched([at(4), at(5)]))
        return offsets()
      })
      .toEqual([4, 5])
  })

  it('passes over what kafkajs fetched before it was sent back, and over what it has had', async () => {
    const { reader, told, opened, offsets } = await reading()
    await opened(0)
    reader.offer(fetched([at(6), at(7)], { fetchedOffset: 5 }))
    await expect.poll(() => told.filter((one) => one === 'open at 0').length).toBe(2)
    reader.offer(fetched([at(0), at(1)]))
    reader.offer(fetched([at(1), at(2)]))
    await expect.poll(offsets).toEqual([0, 1, 2])
  })

  it('goes on where the log begins, and tells how much is gone, where Kafka deletes what comes next', async () => {
    const { reader, where, opened, lost } = await reading({ committed: 2, start: 4 })
    await opened(4)
    expect(lost()).toBe(2)
    where.start = 9
    reader.offer(fetched([at(9)], { fetchedOffset: 9 }))
    await opened(9)
    expect(lost()).toBe(2 + 5)
  })

  it('tells kafkajs after each joining where it is', async () => {
    const { reader, told, received, opened } = await reading()
    await opened(0)
    reader.offer(fetched([at(0), at(1)]))
    await expect.poll(() => received.length).toBe(2)
    reader.refresh()
    expect(told.at(-1)).toBe('open at 2')
  })

  it('sets aside what is longer than a body may be, and what fails for good', async () => {
    const { reader, received, rejected, opened } = await reading()
    await opened(0)
    reader.offer(fetched([at(0, NOW, Buffer.alloc(MAX_BODY_BYTES + 1)), at(1), at(2), at(3, NOW, null)]))
    await expect.poll(() => received.length).toBe(3)
    received[0]!.settle(new PipelineError('bad_input', 'no protobuf'))
    received[1]!.settle(new Error('a bug'))
    await expect.poll(() => rejected.length).toBe(3)
    const place = (offset: number) => `(topic otlp_logs, partition 3, offset ${offset})`
    expect(rejected.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual([
      `too_large: 101 bytes, more than 100 ${place(0)}`,
      `bad_input: no protobuf ${place(1)}`,
      `failed: a bug ${place(2)}`,
    ])
    expect(new Set(rejected.map(({ delivery }) => delivery)).size).toBe(3)
    expect(rejected[0]).toMatchObject({
      received: NOW,
      sender: 'kafka:otlp_logs',
      trust: 'claimed',
      signal: 'logs',
      position: 0,
    })
  })
})

describe('when a message came', () => {
  const arrivals = async (messages: KafkaMessage[], bounds: Partial<Bounds> = {}) => {
    const { reader, received, opened, clock } = await reading(bounds)
    await opened(bounds.committed ?? 0)
    clock.time = NOW + HOUR
    reader.offer(fetched(messages))
    await expect.poll(() => received.length).toBe(messages.length)
    return received.map(({ received }) => received - NOW)
  }

  it('is when Kafka took it', async () => {
    expect(await arrivals([at(0, NOW), at(1, NOW + MINUTE)])).toEqual([0, MINUTE])
  })

  it('is never later than now, before what stands in front of it, or more than a week ago', async () => {
    const none = { ...at(0), timestamp: '-1' }
    expect(await arrivals([none])).toEqual([HOUR])
    expect(await arrivals([at(0, NOW + 2 * HOUR)])).toEqual([HOUR])
    expect(await arrivals([at(0, NOW + MINUTE), at(1, NOW)])).toEqual([MINUTE, MINUTE])
    expect(await arrivals([at(0, NOW - 30 * DAY)])).toEqual([HOUR - 7 * DAY])
    expect(await arrivals([at(0, SECOND)])).toEqual([HOUR - 7 * DAY])
  })

  it('is not before the time at which all that was there had been read', async () => {
    expect(await arrivals([at(9, NOW - DAY)], { committed: 9, end: 9 })).toEqual([0])
  })
})

describe('how far a partition was read', () => {
  it('is not known at first, then what waits longest, then all', async () => {
    const { reader, received, opened } = await reading()
    expect(reader.held).toBe(0)
    await opened(0)
    expect(reader.held).toBe(0)
    reader.offer(fetched([at(0, NOW - HOUR), at(1, NOW - MINUTE)], { end: 3 }))
    await expect.poll(() => received.length).toBe(2)
    expect(reader.held).toBe(NOW - HOUR)
    received[0]!.settle()
    await expect.poll(() => reader.held).toBe(NOW - MINUTE)
    received[1]!.settle()
    reader.offer(fetched([at(2, NOW)], { end: 3 }))
    await expect.poll(() => received.length).toBe(3)
    received[2]!.settle()
    await expect.poll(() => reader.held).toBeUndefined()
  })

  it('is all of it where there is nothing to read', async () => {
    const { reader, opened } = await reading({ committed: 100 })
    await opened(100)
    expect(reader.held).toBeUndefined()
  })

  it('is where it was refused, also while it waits', async () => {
    const { reader, opened, refuseWith } = await reading()
    await opened(0)
    refuseWith(throttled())
    reader.offer(fetched([at(0, NOW - HOUR), at(1, NOW)]))
    expect(reader.held).toBe(NOW - HOUR)
    await opened(0)
    expect(reader.held).toBe(NOW - HOUR)
  })
})
