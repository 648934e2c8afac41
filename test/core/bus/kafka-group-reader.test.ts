import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Ownership, type PartitionHandle, readGroup } from '../../../core/bus/kafka/group-reader.ts'
import { Trial } from '../../../core/bus/kafka/trial.ts'
import { gate } from './drive.ts'
import { silentKafka } from './silent-kafka.ts'

interface Owner {
  handle: PartitionHandle
  signal: AbortSignal
  done: ReturnType<typeof gate<void>>
}

/** A member of a group whose owners do nothing by themselves. */
function member() {
  const { kafka, consumers } = silentKafka()
  const owners: Owner[] = []
  const warned: string[] = []
  const own = (_: number, handle: PartitionHandle, signal: AbortSignal): Ownership => {
    const owner = { handle, signal, done: gate<void>() }
    owners.push(owner)
    return { intake: { offer: () => {}, refresh: () => {} }, done: owner.done.opened }
  }
  const stop = new AbortController()
  const logger = { warn: (_: object, text: string) => warned.push(text) } as never
  const options = { kafka, topic: 'in', groupId: 'g@in', sessionTimeoutMs: 10_000, own, trial: new Trial(), logger }
  const running = readGroup(options, stop.signal)
  const begun = () => vi.waitFor(() => expect(consumers[0]?.isRunning).toBe(true))
  const join = (...partitions: number[]) => consumers[0]!.tell('join', { memberAssignment: { in: partitions } })
  return { consumers, owners, warned, stop, running, begun, join }
}

describe('a member of a group on Kafka', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('that gets a partition back while its owner before still finishes fetches for the new one', async () => {
    const { consumers, owners, stop, running, begun, join } = member()
    await begun()
    join(3)
    owners[0]!.handle.open(0)
    join()
    expect(owners[0]!.signal.aborted).toBe(true)
    join(3)
    owners[1]!.handle.open(7)
    expect(consumers[0]!.paused).toEqual(new Set())
    // As every owner does when it has finished.
    owners[0]!.handle.close()
    expect(consumers[0]!.paused).toEqual(new Set())
    stop.abort()
    for (const { done } of owners) done.open()
    await running
  })

  it('that is told to stop gives up after ten seconds what an owner is at, says so, and leaves', async () => {
    const { consumers, owners, warned, stop, running, begun, join } = member()
    await begun()
    join(3, 4)
    stop.abort()
    owners[0]!.done.open()
    await vi.advanceTimersByTimeAsync(9_000)
    expect(consumers[0]!.isConnected).toBe(true)
    await vi.advanceTimersByTimeAsync(1_000)
    await running
    expect(consumers[0]!.isConnected).toBe(false)
    expect(warned).toEqual(['work was under way for 10 s after its stop, and is given up'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that stops while it joins leaves once it has joined, and takes nothing up', async () => {
    const { consumers, owners, stop, running, begun, join } = member()
    await begun()
    stop.abort()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(consumers[0]!.isConnected).toBe(true)
    join(3)
    await running
    expect(consumers[0]!.isConnected).toBe(false)
    expect(owners).toEqual([])
  })
})
