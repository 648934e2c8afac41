import { describe, expect, it } from 'vitest'
import type { Delivery, Sender } from '../../../collector/delivery.ts'
import { CollectorMetrics } from '../../../collector/metrics.ts'
import { createAnnotator } from '../../../collector/naming/annotate.ts'
import { Directory } from '../../../collector/naming/directory.ts'
import { decodeNames } from '../../../collector/naming/learned-name.ts'
import { DEFAULT_LIMITS } from '../../../collector/otlp/limits.ts'
import { FIELD, FIELD_ALIASES } from '../../../collector/otlp/log-record.ts'
import { Publisher } from '../../../collector/publisher.ts'
import type { LogSource } from '../../../collector/sources/source.ts'
import { TOPIC } from '../../../core/bus/topics.ts'
import { emptyCall } from '../../../core/call.ts'
import { MINUTE, SECOND } from '../../../core/clock.ts'
import { PipelineError } from '../../../core/errors.ts'
import { MemoryBus } from '../memory-bus.ts'
import { logs } from '../requests.ts'
import { undeclaredWorld } from './world.ts'

const NOW = 1_795_296_000 * SECOND
const AT = '10.0.0.11'
const WEB = 'cluster.local/ns/shop/sa/web'
const LEARNED = { address: AT, identity: WEB, seen: NOW / MINUTE, disputed: 0 }
const local: Sender = { key: '127.0.0.1', trust: 'verified', identity: '' }

/** A record with the caller's identity proves it by mutual TLS. */
const source: LogSource = {
  name: 'handshakes',
  read({ values, timeUs }) {
    const sourceIdentity = values[FIELD.downstreamPeerUriSan]!
    const proven = sourceIdentity !== ''
    return {
      ...emptyCall(),
      sourceIdentity,
      sourceIdentityOrigin: proven ? 'record' : 'none',
      tlsState: proven ? 'mutual' : 'unknown',
      sourceAddress: values[FIELD.downstreamRemoteAddress]!,
      destinationService: values[FIELD.authority]!,
      start: timeUs,
      end: timeUs,
    }
  },
}

function setUp() {
  const bus = new MemoryBus()
  const policy = undeclaredWorld()
  const directory = new Directory()
  const rules = {
    sources: [source],
    annotator: createAnnotator(() => policy, directory),
    partitions: bus.partitions(),
    latenessUs: 10 * SECOND,
    limits: DEFAULT_LIMITS,
  }
  const publisher = new Publisher({ bus, clock: { now: () => NOW }, rules, metrics: new CollectorMetrics() })
  const names = () =>
    bus.published.filter(({ topic }) => topic === TOPIC.names).flatMap(({ value }) => decodeNames(value) ?? [])
  const callers = () => bus.calls().map(({ sourceIdentity, sourceIdentityOrigin: origin }) => [sourceIdentity, origin])
  const send = (body: Uint8Array) => publisher.publish(delivery(body))
  return { bus, directory, names, callers, send }
}

function delivery(body: Uint8Array): Delivery {
  return { body, signal: 'logs', encoding: 'protobuf', sender: local, received: NOW }
}

function from(identity: string, mark: string): Buffer {
  return logs(3, mark, {
    [FIELD_ALIASES.downstreamRemoteAddress[0]]: AT,
    ...(identity === '' ? {} : { [FIELD_ALIASES.downstreamPeerUriSan[0]]: identity }),
  })
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
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
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
})
