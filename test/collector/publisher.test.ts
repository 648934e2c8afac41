import { describe, expect, it } from 'vitest'
import { Admission } from '../../collector/admission.ts'
import { CollectorConfig } from '../../collector/config.ts'
import type { Delivery, Receipt, Sender } from '../../collector/delivery.ts'
import { CollectorMetrics } from '../../collector/metrics.ts'
import { DEFAULT_LIMITS } from '../../collector/otlp/limits.ts'
import { Publisher } from '../../collector/publisher.ts'
import { partitionOf } from '../../core/bus/topics.ts'
import { SECOND } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
import { MemoryBus } from './memory-bus.ts'
import { logs } from './requests.ts'
import { noAnnotator, plainSource } from './running.ts'

const NOW = 1_795_296_000 * SECOND
const local: Sender = { key: '127.0.0.1', trust: 'verified', identity: '' }

function setUp(bus = new MemoryBus()) {
  const clock = { time: NOW, now: () => clock.time }
  const rules = {
    sources: [plainSource],
    annotator: noAnnotator,
    partitions: bus.partitions(),
    latenessUs: 10 * SECOND,
    limits: DEFAULT_LIMITS,
  }
  return { bus, clock, publisher: new Publisher({ bus, clock, rules, metrics: new CollectorMetrics() }) }
}

function delivery(body: Uint8Array, more: Partial<Delivery> = {}): Delivery {
  return { body, signal: 'logs', encoding: 'protobuf', sender: local, received: NOW, ...more }
}

/** A bus whose publications wait until they are let go, one by one. */
function heldBus(): { bus: MemoryBus; letGo(): void } {
  const bus = new MemoryBus()
  const held: (() => void)[] = []
  bus.gate = () => new Promise((resolve) => held.push(resolve))
  return { bus, letGo: () => held.shift()?.() }
}

describe('publisher', () => {
  it('gathers what comes while a publication is under way into one commit', async () => {
    const { bus, letGo } = heldBus()
    const { publisher } = setUp(bus)
    const first = publisher.publish(delivery(logs(1, 'first')))
    await expect.poll(() => bus.publications).toBe(1)
    const more = Array.from({ length: 20 }, (_, i) => publisher.publish(delivery(logs(5, `m${i}`))))
    letGo()
    await first
    await expect.poll(() => bus.publications).toBe(2)
    letGo()
    await Promise.all(more)
    expect(bus.publications).toBe(2)
    const partition = partitionOf('cart.shop', 4)
    // All go to one service: one block holds the twenty deliveries.
    expect(bus.blocks(partition).map((block) => [block.rows, block.deliveries.length])).toEqual([
      [1, 1],
      [100, 20],
    ])
  })

  it('lets a commit go out while more is waiting to be read', async () => {
    const { bus, letGo } = heldBus()
    const { publisher } = setUp(bus)
    const all = Array.from({ length: 5 }, (_, i) => publisher.publish(delivery(logs(1000, `m${i}`))))
    await expect.poll(() => bus.publications).toBe(1)
    expect(bus.blocks(partitionOf('cart.shop', 4)).map(({ rows }) => rows)).toEqual([])
    bus.gate = async () => {}
    letGo()
    await Promise.all(all)
    const rows = bus.blocks(partitionOf('cart.shop', 4)).map((block) => block.rows)
    expect(rows[0]).toBe(3000)
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(5000)
  })

  it('writes each call to the partition of its destination', async () => {
    const { bus, publisher } = setUp()
    const services = ['cart.shop', 'pay.shop', 'web.shop', 'mail.shop', 'stock.shop']
    await Promise.all(services.map((authority) => publisher.publish(delivery(logs(3, authority, { authority })))))
    for (let partition = 0; partition < 4; partition += 1) {
      for (const call of bus.calls(partition)) expect(partitionOf(call.destinationService, 4)).toBe(partition)
    }
    expect(bus.calls()).toHaveLength(15)
  })

  it('gives the same bytes of the same trust the same delivery id, and other trust another', async () => {
    const { bus, publisher } = setUp()
    const body = logs(1)
    const peer = (identity: string): Sender => ({ key: identity, trust: 'claimed', identity })
    const senders = [local, local, { ...local, trust: 'claimed' as const }, peer('d/ns/a/sa/b'), peer('d/ns/a/sa/c')]
    for (const sender of senders) await publisher.publish(delivery(body, { sender }))
    const ids = bus.deliveries()
    expect(ids[0]).toBe(ids[1])
    expect(new Set(ids).size).toBe(4)
  })

  it('cuts a delivery that is too large for a block into parts with ids of their own, alike each time', async () => {
    const { bus, publisher } = setUp()
    const body = logs(9000)
    await publisher.publish(delivery(body))
    const ids = bus.deliveries()
    expect(bus.calls()).toHaveLength(9000)
    expect(Math.max(...bus.blocks().map(({ rows }) => rows))).toBeLessThanOrEqual(4096)
    expect(new Set(ids).size).toBe(ids.length)
    await publisher.publish(delivery(body))
    expect(bus.deliveries().slice(ids.length)).toEqual(ids)
  })

  it('refuses an unreadable delivery alone', async () => {
    const { bus, publisher } = setUp()
    const good = publisher.publish(delivery(logs(1)))
    const bad = publisher.publish(delivery(Buffer.from([0x0a, 9])))
    await expect(bad).rejects.toMatchObject({ code: 'bad_input' })
    expect(await good).toEqual({ records: 1, rejected: 0, reason: '' })
    expect(bus.calls()).toHaveLength(1)
  })

  it('tells every sender of a publication that the bus refused it, and goes on after', async () => {
    const { bus, publisher } = setUp()
    bus.gate = () => Promise.reject(new PipelineError('bus_unavailable', 'no bus', { retriable: true }))
    const all = [publisher.publish(delivery(logs(1, 'a'))), publisher.publish(delivery(logs(1, 'b')))]
    for (const one of await Promise.allSettled(all)) expect(one).toMatchObject({ reason: { code: 'bus_unavailable' } })
    bus.gate = async () => {}
    await publisher.publish(delivery(logs(1, 'a')))
    expect(bus.calls()).toHaveLength(1)
  })

  it('ticks no further than the arrival of what is not durable, behind what came before', async () => {
    const { bus, letGo } = heldBus()
    const { clock, publisher } = setUp(bus)
    const sent = publisher.publish(delivery(logs(1)))
    await expect.poll(() => bus.publications).toBe(1)
    clock.time = NOW + 5 * SECOND
    const waiting = publisher.publish(delivery(logs(1, 'b'), { received: NOW + 3 * SECOND }))
    const tick = publisher.tick({ producer: 'c', seq: 1, leave: false })
    letGo()
    await sent
    await expect.poll(() => bus.publications).toBe(2)
    letGo()
    await Promise.all([waiting, tick])
    const after = publisher.tick({ producer: 'c', seq: 2, leave: false })
    await expect.poll(() => bus.publications).toBe(3)
    letGo()
    await after
    for (let partition = 0; partition < 4; partition += 1) {
      expect(bus.ticks(partition).map(({ time }) => time - NOW)).toEqual([3 * SECOND, 5 * SECOND])
    }
    const order = bus.published.filter(({ partition }) => partition === partitionOf('cart.shop', 4))
    // Block, block, tick, tick.
    expect(order.map(({ value }) => String.fromCharCode(value[2]!))).toEqual(['B', 'B', 'T', 'T'])
  })

  it('never ticks backwards where the clock does', async () => {
    const { bus, clock, publisher } = setUp()
    await publisher.tick({ producer: 'c', seq: 1, leave: false })
    clock.time = NOW - 60 * SECOND
    await publisher.tick({ producer: 'c', seq: 2, leave: false })
    expect(bus.ticks(0).map(({ time }) => time)).toEqual([NOW, NOW])
  })

  it('serves senders in turn: one with twenty times the load delays only itself', async () => {
    const { bus, letGo } = heldBus()
    const { publisher } = setUp(bus)
    const order: string[] = []
    const send = (key: string, mark: string): Promise<unknown> =>
      publisher
        .publish(delivery(logs(1000, mark), { sender: { ...local, key } }))
        .then((receipt: Receipt) => order.push(`${key}:${receipt.records}`))
    const first = send('loud', 'l')
    await expect.poll(() => bus.publications).toBe(1)
    const rest = Array.from({ length: 100 }, (_, i) => send('loud', `l${i}`))
    rest.push(...Array.from({ length: 5 }, (_, i) => send('quiet', `q${i}`)))
    bus.gate = async () => {}
    letGo()
    await first
    await Promise.all(rest)
    // The quiet sender's five were answered among the first, although a hundred of the loud one's were there before.
    expect(order.findLastIndex((who) => who.startsWith('quiet'))).toBeLessThan(25)
    expect(order).toHaveLength(106)
  })
})

describe('admission', () => {
  const limits = (quotas: object, maxBytesInFlight = 1_000_000) =>
    CollectorConfig.parse({ maxBytesInFlight, quotas: { bytesInFlight: 500_000, ...quotas } })

  it('holds a sender to its rate, and nobody else', () => {
    let ms = 0
    const admission = new Admission(limits({ recordsPerSecond: 100, burstSeconds: 2 }), () => ms)
    admission.open('loud').spend(500)
    expect(() => admission.open('loud')).toThrow('sender loud exceeds 100 records a second')
    expect(() => admission.open('quiet')).not.toThrow()
    ms = 2990
    expect(() => admission.open('loud')).toThrow()
    ms = 3010
    expect(() => admission.open('loud')).not.toThrow()
  })

  it('bounds bytes per sender and over all, and gives them back', () => {
    const admission = new Admission(limits({}))
    const a = admission.open('a')
    a.take(400_000)
    expect(() => a.take(200_000)).toThrow('sender a has 500000 bytes')
    admission.open('b').take(450_000)
    expect(() => admission.open('c').take(300_000)).toThrow('the collector holds 1000000 bytes')
    a.release()
    a.release()
    expect(admission.bytesInFlight).toBe(450_000)
    admission.open('c').take(300_000)
  })

  it('forgets the longest idle sender, never one that is sending', () => {
    const admission = new Admission(limits({ senders: 2 }))
    const a = admission.open('a')
    admission.open('b').release()
    admission.open('c')
    expect(admission.senders).toBe(2)
    expect(() => admission.open('d')).toThrow('2 senders are sending at once')
    a.release()
    expect(() => admission.open('d')).not.toThrow()
  })
})
