import type { Batch } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { Feed } from '../../../core/bus/kafka/feed.ts'

/** A feed, and what it told the consumer: `open at <offset>` or `closed`. */
function setUp() {
  const told: string[] = []
  const feed = new Feed({ open: (from) => told.push(`open at ${from}`), close: () => told.push('closed') })
  return { feed, told }
}

const fetched = (from: number, to: number, bytes = 10): Batch =>
  ({
    messages: Array.from({ length: to - from }, (_, i) => ({ offset: `${from + i}`, value: Buffer.alloc(bytes) })),
  }) as unknown as Batch

const never = new AbortController().signal
const offsets = async (feed: Feed, maxBytes = 1e9) => (await feed.take(maxBytes, never)).map(({ offset }) => offset)

describe('the feed of a partition', () => {
  it('takes in nothing before it is told where to start, and then what is not before that', async () => {
    const { feed, told } = setUp()
    feed.offer(fetched(0, 5))
    feed.start(3)
    feed.offer(fetched(0, 6))
    expect(await offsets(feed)).toEqual([3, 4, 5])
    expect(told.at(-1)).toBe('open at 3')
  })

  it('passes over what it has had, as after a rejoin that reads from the committed offset again', async () => {
    const { feed, told } = setUp()
    feed.start(0)
    feed.offer(fetched(0, 4))
    feed.refresh()
    expect(told.at(-1)).toBe('open at 4')
    feed.offer(fetched(2, 6))
    expect(await offsets(feed)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('gives batches of at most so many bytes, one record aside', async () => {
    const { feed } = setUp()
    feed.start(0)
    feed.offer(fetched(0, 5))
    expect(await offsets(feed, 25)).toEqual([0, 1])
    expect(await offsets(feed, 1)).toEqual([2])
    expect(await offsets(feed, 20)).toEqual([3, 4])
  })

  it('has the partition paused while it is full, also over a rejoin, and goes on where it was', async () => {
    const { feed, told } = setUp()
    feed.start(0)
    feed.offer(fetched(0, 5, 4 * 1024 * 1024))
    expect(told.at(-1)).toBe('closed')
    feed.refresh()
    expect(told.at(-1)).toBe('closed')
    await feed.take(8 * 1024 * 1024, never)
    expect(told.at(-1)).toBe('closed')
    await feed.take(8 * 1024 * 1024, never)
    expect(told.at(-1)).toBe('open at 5')
  })

  it('wakes for what comes, and for the end', async () => {
    const { feed } = setUp()
    feed.start(0)
    const waiting = offsets(feed)
    feed.offer(fetched(0, 1))
    expect(await waiting).toEqual([0])
    const stop = new AbortController()
    const ended = feed.take(100, stop.signal)
    stop.abort()
    expect(await ended).toEqual([])
    expect(await feed.take(100, stop.signal)).toEqual([])
  })
})
