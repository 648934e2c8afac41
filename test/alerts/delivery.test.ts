/** What reaches a receiver, and what does not: groups, repeats, silences, inhibition, hours, storms. */
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { runAlerts } from '../../alerts/app.ts'
import { AlertsConfig } from '../../alerts/config.ts'
import { Progress } from '../../alerts/heartbeat.ts'
import { applyFinding } from '../../alerts/incident.ts'
import { type Action, encodeAction } from '../../core/action.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { type Clock, HOUR, MINUTE } from '../../core/clock.ts'
import { Health } from '../../core/telemetry/health.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { decodeAlertRecord } from '../../storage/incident-records.ts'
import {
  eventually,
  finding,
  quietLogger,
  SECOND,
  SECRET,
  startReceiver,
  T0,
  type TestReceiver,
  tick,
} from './findings.ts'
import { MemoryBus } from './memory-bus.ts'
import { action } from './records.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A clock that the test moves, and alerts that run by it: the outgoing side looks at it with each tick. */
class World {
  readonly bus = new MemoryBus(1)
  readonly clock: Clock & { time: number } = { time: T0, now: () => this.clock.time }
  readonly hook: TestReceiver
  #ticked = 0

  constructor(hook: TestReceiver, changes: object = {}, outbox: object = {}) {
    this.hook = hook
    const receiver = { name: 'oncall', type: 'webhook', url: hook.url, secret: SECRET, allowRanges: ['127.0.0.0/8'] }
    const config = AlertsConfig.parse({
      receivers: [receiver],
      outbox: { messagesPerMinute: 10_000, ...outbox },
      ...changes,
    })
    const stopping = new AbortController()
    const watching = { progress: new Progress(this.clock), health: new Health(), dataFolder: tmpdir() }
    const done = runAlerts(
      { config, bus: this.bus, clock: this.clock, logger: quietLogger, ...watching, version: '0' },
      stopping.signal,
    )
    stops.push(async () => {
      stopping.abort()
      await done
    })
  }

  async find(...findings: Finding[]): Promise<void> {
    await this.#publish(findings.map(encodeFinding))
  }

  async act(...actions: Action[]): Promise<void> {
    await this.#publish(actions.map(encodeAction))
  }

  /** Time goes on to `seconds` after T0, everywhere. Resolves when all was looked at. */
  async goTo(seconds: number): Promise<void> {
    this.clock.time = T0 + seconds * SECOND
    this.#ticked = seconds
    await this.#publish(['stage1/0', 'stage2/0'].map((producer) => tick(this.#ticked, producer)))
    await eventually(async () => (await this.bus.lag()).every(({ committed, end }) => committed === end)).toBe(true)
  }

  /** What the receiver has got: kind of message, and reasons. */
  get told(): string[] {
    return this.hook.received.map(({ json }) => (json.type === 'eastwatch.incident' ? json.reason : json.type))
  }

  incidents(): number {
    const records = this.bus.log(TOPIC.incidents).map(({ value }) => decodeAlertRecord(value))
    return new Set(records.flatMap((record) => (record?.type === 'incident' ? [record.id] : []))).size
  }

  async #publish(values: Uint8Array[]): Promise<void> {
    await this.bus.publish(values.map((value) => ({ topic: TOPIC.findings, partition: 0, value })))
  }
}

async function world(changes: object = {}, outbox: object = {}): Promise<World> {
  const hook = await startReceiver()
  stops.push(() => hook.close())
  return new World(hook, changes, outbox)
}

/** Incidents that stay open for long. */
const lasting = (end: number, changes: Partial<Finding> = {}) => finding(end, { quietUs: 100 * HOUR, ...changes })
const cause = (i: number) => ({ fingerprint: `f${i}`, cause: `cause ${i}` })

describe('groups', () => {
  it('tell together what opens within the wait, and what joins after the interval', async () => {
    const one = await world({ route: { groupWaitSeconds: 5, groupIntervalSeconds: 60 } })
    const same = (i: number) => ({ fingerprint: `f${i}`, cause: 'one policy' })
    await one.find(...[0, 1, 2].map((i) => lasting(1, same(i))))
    await one.goTo(4)
    expect(one.told).toEqual([])
    await one.goTo(6)
    await one.hook.until((all) => all.length === 1)
    expect(one.told).toEqual(['eastwatch.group'])
    await one.find(lasting(10, same(3)))
    await one.goTo(30)
    expect(one.told.length).toBe(1)
    await one.goTo(67)
    await one.hook.until((all) => all.length === 2)
    expect(one.told).toEqual(['eastwatch.group', 'first'])
  })

  it('do not keep waiting what has become worse', async () => {
    const one = await world({ route: { groupWaitSeconds: 0, groupIntervalSeconds: 3600 } })
    await one.find(lasting(1))
    await one.goTo(2)
    await one.hook.until((all) => all.length === 1)
    await one.find(lasting(5, { severity: 'critical' }))
    await one.goTo(6)
    await one.hook.until((all) => all.length === 2)
    expect(one.told).toEqual(['first', 'changed'])
  })

  it('10,000 findings of one cause are one page', async () => {
    const one = await world()
    const key = finding(1).key
    const source = (i: number) => ({ ...key, sourceIdentity: `cluster.local/ns/shop/sa/s${i}` })
    await one.find(...Array.from({ length: 10_000 }, (_, i) => lasting(1 + (i % 50), { id: `s${i}`, key: source(i) })))
    await one.goTo(60)
    await one.hook.until((all) => all.length > 0)
    await one.goTo(120)
    await one.goTo(200)
    expect(one.told).toEqual(['first'])
    expect(one.incidents()).toBe(1)
  }, 60_000)
})

describe('repeats', () => {
  it('remind of what is open and nobody has acknowledged', async () => {
    const one = await world({ route: { groupWaitSeconds: 0, repeatHours: 1 } })
    await one.find(lasting(1))
    await one.goTo(2)
    await one.hook.until((all) => all.length === 1)
    await one.goTo(3590)
    expect(one.told).toEqual(['first'])
    await one.goTo(3700)
    await one.hook.until((all) => all.length === 2)
    const { id, fingerprint } = applyFinding(undefined, lasting(1), 0)[0]!.record
    await one.act(action(3701, { type: 'acknowledge', incidentId: id, fingerprint }))
    await one.goTo(3702)
    await one.hook.until((all) => all.length === 3)
    await one.goTo(20_000)
    await one.goTo(20_001)
    expect(one.told).toEqual(['first', 'repeat', 'acknowledged'])
    expect(new Set(one.hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(3)
  })

  it('0 hours means never', async () => {
    const one = await world({ route: { groupWaitSeconds: 0, repeatHours: 0 } })
    await one.find(lasting(1))
    await one.goTo(2)
    await one.hook.until((all) => all.length === 1)
    await one.goTo(90_000)
    await one.goTo(90_001)
    expect(one.told).toEqual(['first'])
  })
})

describe('what is held back', () => {
  it('by a silence is told after it, if it is still open; its end is told only where its beginning was', async () => {
    const one = await world({ route: { groupWaitSeconds: 0 } })
    const matchers = ['cause=~"cause 1|cause 2"']
    await one.act(action(0, { type: 'silence', matchers, startsAt: 0, endsAt: T0 + 600 * SECOND }))
    await one.find(lasting(1, cause(1)), finding(1, cause(2)))
    await one.goTo(300)
    expect(one.told).toEqual([])
    await one.goTo(601)
    await one.hook.until((all) => all.length === 1)
    expect(one.hook.received[0]!.json).toMatchObject({ reason: 'first', incident: { cause: 'cause 1' } })
  })

  it('by an incident that explains it is told when that is over', async () => {
    const one = await world({ route: { groupWaitSeconds: 0 } })
    const outage = finding(1, { ...cause(1), detector: 'telemetry_stopped', kind: 'destination_silent' })
    await one.find(outage)
    await one.find(lasting(2, { ...cause(2), detector: 'latency_shift', kind: 'shift' }))
    await one.goTo(30)
    expect(one.told).toEqual(['first'])
    await one.goTo(100)
    await one.hook.until((all) => all.length === 3)
    expect(one.hook.received.map(({ json }) => `${json.reason} ${json.incident.cause}`).sort()).toEqual([
      'first cause 1',
      'first cause 2',
      'resolved cause 1',
    ])
  })

  it('by the hours of its route is told when they are over', async () => {
    // T0 is a Friday, 08:00 UTC.
    const early = { name: 'early', from: '08:00', until: '08:05' }
    const one = await world({ timeIntervals: [early], route: { groupWaitSeconds: 0, muteDuring: ['early'] } })
    await one.find(lasting(1))
    await one.goTo(290)
    expect(one.told).toEqual([])
    await one.goTo(301)
    await one.hook.until((all) => all.length === 1)
    expect(one.told).toEqual(['first'])
  })
})

describe('a receiver that is down for an hour', () => {
  it('gets the final state of each incident, at the latest half an hour after it is back', async () => {
    const one = await world({ route: { groupWaitSeconds: 0 } })
    await one.hook.close()
    await one.find(lasting(1, cause(1)), finding(1, cause(2)))
    for (let minute = 1; minute <= 60; minute += 1) await one.goTo(minute * 60)
    const back = await startReceiver(one.hook.port)
    stops.push(() => back.close())
    for (let minute = 61; minute <= 91; minute += 1) await one.goTo(minute * 60)
    await back.until((all) => all.length === 2)
    const told = back.received.map(({ json }) => `${json.incident.cause} ${json.status}`)
    expect(told.sort()).toEqual(['cause 1 open', 'cause 2 resolved'])
  })
})

describe('a first rollout in the shadow', () => {
  it('tells what is critical, and of the rest what opens after it', async () => {
    const shadowUntil = new Date(T0 / 1000 + 60_000).toISOString()
    const one = await world({ shadowUntil, route: { groupWaitSeconds: 0 } })
    await one.find(lasting(1, cause(1)), lasting(1, { ...cause(2), severity: 'critical' }))
    await one.goTo(2)
    await one.hook.until((all) => all.length === 1)
    await one.find(lasting(70, cause(3)))
    await one.goTo(100)
    await one.hook.until((all) => all.length === 2)
    expect(one.hook.received.map(({ json }) => json.incident.cause)).toEqual(['cause 2', 'cause 3'])
    expect(one.incidents()).toBe(3)
  })
})

describe('a storm', () => {
  it('of 500 causes is a summary; a critical one among them is told by itself, and all are recorded', async () => {
    const one = await world({ route: { groupWaitSeconds: 0 } }, { maxPending: 50, messagesPerMinute: 20 })
    const storm = Array.from({ length: 500 }, (_, i) =>
      lasting(1, { ...cause(i), severity: i === 333 ? 'critical' : 'high' }),
    )
    await one.find(...storm)
    await one.goTo(2)
    const types = () => one.hook.received.map(({ json }) => json.type)
    await eventually(types).toContain('eastwatch.summary')
    for (let minute = 1; minute < 20; minute += 1) await one.goTo((minute * MINUTE) / SECOND)
    const told = one.hook.received.map(({ json }) => json as unknown as { type: string; changes?: number })
    expect(told.filter(({ type }) => type === 'eastwatch.incident').length).toBeLessThan(100)
    const alone = one.hook.received.filter(({ json }) => json.incident?.cause === 'cause 333')
    expect(alone.map(({ json }) => json.reason)).toEqual(['first'])
    expect(told.reduce((sum, { changes }) => sum + (changes ?? 1), 0)).toBe(500)
    expect(one.incidents()).toBe(500)
  })
})
