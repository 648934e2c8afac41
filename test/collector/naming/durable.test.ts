import { describe, expect, it, vi } from 'vitest'
import { Directory, MAX_LEARNED_ADDRESSES } from '../../../collector/naming/directory.ts'
import { decodeNames } from '../../../collector/naming/learned-name.ts'
import { ACKNOWLEDGED_AFTER_MS, NEWS_MS, OthersNames } from '../../../collector/naming/others.ts'
import { TOPIC } from '../../../core/bus/topics.ts'
import { MINUTE } from '../../../core/clock.ts'
import { PipelineError } from '../../../core/errors.ts'
import { MemoryBus } from '../memory-bus.ts'
import { AT, delivery, from, NOW, publisherOf, turns, WEB } from './handshakes.ts'

const LEARNED = { address: AT, identity: WEB, seen: NOW / MINUTE, disputed: 0 }

/** `hasOthers`: there are other collectors, who have nothing to tell. */
function setUp({ hasOthers = false } = {}) {
  const bus = new MemoryBus()
  const directory = new Directory(MAX_LEARNED_ADDRESSES, hasOthers ? NEWS_MS : 0)
  const others = hasOthers ? new OthersNames(async () => {}) : undefined
  const publisher = publisherOf({ bus, directory, others })
  const names = () =>
    bus.published.filter(({ topic }) => topic === TOPIC.names).flatMap(({ value }) => decodeNames(value) ?? [])
  const callers = () => bus.calls().map(({ sourceIdentity, sourceIdentityOrigin: origin }) => [sourceIdentity, origin])
  const send = (body: Uint8Array) => publisher.publish(delivery(body))
  return { bus, directory, names, callers, send }
}

describe('what deliveries teach', () => {
  it('goes out in the publication that holds the calls, once', async () => {
    const { bus, names, send } = setUp()
    const published: string[][] = []
    const publish = bus.publish.bind(bus)
    bus.publish = (records) => {
      published.push(records.map(({ topic }) => topic))
      return publish(records)
    }
    await send(from(WEB, 'a'))
    await send(from(WEB, 'b'))
    expect(published).toEqual([[TOPIC.calls, TOPIC.names], [TOPIC.calls]])
    expect(names()).toEqual([LEARNED])
  })

  it('names calls that are read once it is durable, and none before', async () => {
    const { bus, callers, send } = setUp()
    let letGo = () => {}
    bus.gate = () =>
      new Promise((resolve) => {
        letGo = resolve
      })
    const first = send(from(WEB, 'a'))
    await expect.poll(() => bus.publications).toBe(1)
    const meanwhile = send(from('', 'b'))
    // Read while the publication is under way.
    await turns()
    bus.gate = async () => {}
    letGo()
    await Promise.all([first, meanwhile])
    await send(from('', 'c'))
    const threeTimes = (caller: string[]) => [caller, caller, caller]
    expect(callers()).toEqual([
      ...threeTimes([WEB, 'record']),
      ...threeTimes(['', 'none']),
      ...threeTimes([WEB, 'learned']),
    ])
  })

  it('is gone with a publication that fails, and comes back with the delivery', async () => {
    const { bus, directory, names, callers, send } = setUp()
    bus.gate = () => Promise.reject(new PipelineError('bus_full', 'no room', { retriable: true }))
    await expect(send(from(WEB, 'a'))).rejects.toThrow('no room')
    bus.gate = async () => {}
    await send(from('', 'b'))
    expect([directory.size, names(), callers()[0]]).toEqual([0, [], ['', 'none']])
    await send(from(WEB, 'a'))
    expect([directory.size, names()]).toEqual([1, [LEARNED]])
  })

  it('is gone with a delivery that is refused half way', async () => {
    const { directory, names, send } = setUp()
    const cutShort = Buffer.concat([from(WEB, 'a'), Buffer.of(0x0a, 0x7f)])
    await expect(send(cutShort)).rejects.toThrow(PipelineError)
    await send(from('', 'b'))
    expect([directory.size, names()]).toEqual([0, []])
  })

  it('is acknowledged once other collectors know it as well, and holds up nobody who tells no news', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] })
    try {
      const { bus, send } = setUp({ hasOthers: true })
      const acknowledged: string[] = []
      const note = (mark: string, sent: Promise<unknown>) => void sent.then(() => acknowledged.push(mark))
      note('news', send(from(WEB, 'a')))
      await turns()
      note('unnamed', send(from('', 'b')))
      note('the same news', send(from(WEB, 'c')))
      await turns()
      expect([bus.calls().length, acknowledged]).toEqual([9, ['unnamed']])
      await vi.advanceTimersByTimeAsync(ACKNOWLEDGED_AFTER_MS - 1)
      expect(acknowledged).toEqual(['unnamed'])
      await vi.advanceTimersByTimeAsync(1)
      expect(acknowledged.sort()).toEqual(['news', 'the same news', 'unnamed'])
      await send(from(WEB, 'd'))
    } finally {
      vi.useRealTimers()
    }
  })
})
