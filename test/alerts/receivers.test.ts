/** Receivers at the end of all of it: what a finding and people's actions come to there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { runAlerts } from '../../alerts/app.ts'
import { AlertsConfig } from '../../alerts/config.ts'
import { Progress } from '../../alerts/heartbeat.ts'
import { applyFinding } from '../../alerts/incident.ts'
import { type Action, encodeAction } from '../../core/action.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { HOUR } from '../../core/clock.ts'
import { Health } from '../../core/telemetry/health.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { decodeAlertRecord, type NotificationRecord } from '../../storage/incident-records.ts'
import { findProgram } from '../harness/debian.ts'
import { eventually, finding, quietLogger, SECOND, startReceiver, T0, type TestReceiver, tick } from './findings.ts'
import { MemoryBus } from './memory-bus.ts'
import { startAlertmanager } from './notify/real-alertmanager.ts'
import { action } from './records.ts'

const program = findProgram('prometheus-alertmanager', 'prometheus-alertmanager', 'what Alertmanager holds')
const LOOPBACK = { allowRanges: ['127.0.0.0/8'] }

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** Alerts with this one receiver, by a clock that the test moves: `start` is seconds after T0. */
class Site {
  readonly bus = new MemoryBus(1)
  readonly folder = mkdtempSync(join(tmpdir(), 'eastwatch-receivers-'))
  readonly #clock: { time: number; now: () => number }

  constructor(receiver: object, start: number, outbox: object = {}) {
    this.#clock = { time: T0 + start * SECOND, now: () => this.#clock.time }
    const config = AlertsConfig.parse({
      receivers: [{ name: 'oncall', ...receiver }],
      route: { groupWaitSeconds: 0 },
      outbox,
    })
    const stopping = new AbortController()
    const watching = { progress: new Progress(this.#clock), health: new Health() }
    const around = { bus: this.bus, clock: this.#clock, logger: quietLogger, dataFolder: this.folder, version: '0' }
    const done = runAlerts({ config, ...around, ...watching }, stopping.signal)
    stops.push(async () => {
      stopping.abort()
      await done
      rmSync(this.folder, { recursive: true })
    })
  }

  async publish(...values: Uint8Array[]): Promise<void> {
    await this.bus.publish(values.map((value) => ({ topic: TOPIC.findings, partition: 0, value })))
  }

  /** Time goes on to `seconds` after T0. Resolves when all before it was looked at. */
  async goTo(seconds: number): Promise<void> {
    this.#clock.time = T0 + seconds * SECOND
    await this.publish(...['stage1/0', 'stage2/0'].map((producer) => tick(seconds, producer)))
    await eventually(async () => (await this.bus.lag()).every(({ committed, end }) => committed === end)).toBe(true)
  }

  notifications(): NotificationRecord[] {
    const records = this.bus.log(TOPIC.incidents).map(({ value }) => decodeAlertRecord(value))
    return records.filter((record): record is NotificationRecord => record?.type === 'notification')
  }
}

const lasting = (end: number, changes: Partial<Finding> = {}) => finding(end, { quietUs: 100 * HOUR, ...changes })

/** What a person does about the incident that a finding opens. */
function act(at: number, type: 'acknowledge' | 'resolve', opened: Finding): Uint8Array {
  const { id: incidentId, fingerprint } = applyFinding(undefined, opened, 0)[0]!.record
  const done: Action = action(at, { type, incidentId, fingerprint })
  return encodeAction(done)
}

async function receiver(): Promise<TestReceiver> {
  const hook = await startReceiver()
  stops.push(() => hook.close())
  return hook
}

describe('PagerDuty', () => {
  const config = (hook: TestReceiver) => ({
    ...LOOPBACK,
    type: 'pagerduty',
    url: `http://127.0.0.1:${hook.port}/v2/enqueue`,
    routingKey: 'R0123456789abcdef0123456789ABCDE',
  })

  it('has one alert of an incident, which opens, is acknowledged and ends with it', async () => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(202).end('{"status":"success"}')
    const site = new Site(config(hook), 0)
    const opened = lasting(1)
    await site.publish(encodeFinding(opened))
    await site.goTo(2)
    await hook.until((all) => all.length === 1)
    await site.publish(act(3, 'acknowledge', opened))
    await site.goTo(4)
    await hook.until((all) => all.length === 2)
    await site.publish(act(5, 'resolve', opened))
    await site.goTo(6)
    await hook.until((all) => all.length === 3)
    const events = hook.received.map(({ body }) => JSON.parse(body) as { event_action: string; dedup_key: string })
    expect(events.map(({ event_action }) => event_action)).toEqual(['trigger', 'acknowledge', 'resolve'])
    expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1)
    expect(events[0]!.dedup_key).toMatch(/^[0-9a-f]{32}$/)
  })

  it('refuses an event: a dead letter says why, in its words', async () => {
    const hook = await receiver()
    hook.answer = (response) => {
      response.writeHead(400).end('{"status":"invalid event","message":"Event object is invalid","errors":["no"]}')
    }
    const site = new Site(config(hook), 0)
    await site.publish(encodeFinding(lasting(1)))
    await site.goTo(2)
    await hook.until((all) => all.length === 1)
    await eventually(async () => {
      await site.goTo(3)
      return site.notifications().map(({ status, detail }) => `${status}: ${detail}`)
    }).toEqual(['dead: receiver answered 400: Event object is invalid; no'])
  })
})

interface Told {
  key: string
  isEnd: boolean
}

describe('a receiver that holds incidents open', () => {
  const pagerduty = ({ dedup_key, event_action }: Record<string, string>) => ({
    key: dedup_key!,
    isEnd: event_action === 'resolve',
  })
  const webhook = ({ groupKey, status }: Record<string, string>) => ({ key: groupKey!, isEnd: status === 'resolved' })

  it.each<[string, object, (body: Record<string, string>) => Told]>([
    ['pagerduty', { routingKey: 'R'.repeat(32) }, pagerduty],
    ['alertmanager_webhook', {}, webhook],
  ])('%s is told of each end by itself, also in a storm', async (type, own, told) => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(202).end('{"status":"success"}')
    const url = `http://127.0.0.1:${hook.port}/`
    const site = new Site({ ...LOOPBACK, type, url, ...own }, 0, { maxPending: 20, messagesPerMinute: 1_000 })
    const cause = (i: number) => ({ fingerprint: `f${i}`, cause: `cause ${i}` })
    for (let i = 0; i < 60; i += 10) {
      await site.publish(...Array.from({ length: 10 }, (_, j) => encodeFinding(finding(1, cause(i + j)))))
      await site.goTo(2)
      await hook.until((all) => all.length === i + 10)
    }
    await site.goTo(100)
    await eventually(() => hook.received.length).toBe(120)
    const all = hook.received.map(({ body }) => told(JSON.parse(body)))
    const keysOf = (end: boolean) => all.flatMap(({ key, isEnd }) => (isEnd === end ? [key] : [])).sort()
    expect(keysOf(true)).toEqual(keysOf(false))
  })
})

describe('a file', () => {
  it('has a line for a group of incidents', async () => {
    const site = new Site({ type: 'file', path: 'incidents.jsonl' }, 0)
    await site.publish(
      ...[0, 1, 2].map((i) => encodeFinding(lasting(1, { fingerprint: `f${i}`, cause: 'one policy' }))),
    )
    await site.goTo(2)
    const told = () => site.notifications().map(({ status, reason }) => `${status} ${reason}`)
    await eventually(() => site.goTo(3).then(told)).toEqual(['sent first', 'sent first', 'sent first'])
    const lines = readFileSync(join(site.folder, 'incidents.jsonl'), 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).incidents.length)).toEqual([3])
  })
})

describe.skipIf(program === undefined)('a real Alertmanager', () => {
  it('holds all of a storm, whatever the limits for people are', async () => {
    const hook = await receiver()
    const real = await startAlertmanager(program!, hook.url)
    stops.push(() => real.stop())
    const now = Math.floor(Date.now() / 1000) - T0 / SECOND
    const own = { ...LOOPBACK, type: 'alertmanager', url: real.url, repeatSeconds: 60 }
    const site = new Site(own, now, { maxPending: 5, messagesPerMinute: 5 })
    const storm = [
      ...Array.from({ length: 120 }, (_, i) => lasting(now - 60, { fingerprint: `g${i}`, cause: 'one policy' })),
      ...Array.from({ length: 30 }, (_, i) => lasting(now - 60, { fingerprint: `f${i}`, cause: `cause ${i}` })),
    ]
    await site.publish(...storm.map(encodeFinding))
    await site.goTo(now)
    await eventually(async () => (await real.alerts()).length).toBe(150)
  })

  it('holds an incident for as long as it is open, by being told again, and no longer', async () => {
    const hook = await receiver()
    const real = await startAlertmanager(program!, hook.url)
    stops.push(() => real.stop())
    // Alertmanager has a clock of its own: ours begins twenty seconds before it.
    const now = Math.floor(Date.now() / 1000) - T0 / SECOND
    const site = new Site({ ...LOOPBACK, type: 'alertmanager', url: real.url, repeatSeconds: 10 }, now - 20)
    const opened = lasting(now - 60)
    await site.publish(encodeFinding(opened))
    await site.goTo(now - 20)
    await eventually(async () => (await real.alerts()).length).toBe(1)
    const ends = async () => Math.round(Date.parse((await real.alerts())[0]!.endsAt) / 1000) - T0 / SECOND
    expect(await ends()).toBe(now + 10)
    await site.goTo(now)
    await eventually(ends).toBe(now + 30)
    // Acknowledged or not, Alertmanager must hear of it.
    await site.publish(act(now + 1, 'acknowledge', opened))
    await site.goTo(now + 1)
    await site.goTo(now + 15)
    await eventually(ends).toBe(now + 45)
    expect((await real.alerts()).length).toBe(1)
    await site.publish(act(now + 16, 'resolve', opened))
    // What ends now must have ended by Alertmanager's clock.
    await site.goTo(now)
    await eventually(async () => (await real.alerts()).length).toBe(0)
  })
})
