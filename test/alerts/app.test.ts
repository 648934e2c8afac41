import { tmpdir } from 'node:os'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { runAlerts } from '../../alerts/app.ts'
import { AlertsConfig } from '../../alerts/config.ts'
import { Progress } from '../../alerts/heartbeat.ts'
import type { Bus } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { systemClock } from '../../core/clock.ts'
import { Health } from '../../core/telemetry/health.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { decodeAlertRecord, type NotificationRecord } from '../../storage/incident-records.ts'
import { eventually, finding, quietLogger, SECRET, startReceiver, type TestReceiver, tick } from './findings.ts'
import { MemoryBus } from './memory-bus.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function receiver(): Promise<TestReceiver> {
  const started = await startReceiver()
  stops.push(() => started.close())
  return started
}

function config(url: string, changes: object = {}, outbox: object = {}): AlertsConfig {
  return AlertsConfig.parse({
    receivers: [{ name: 'oncall', type: 'webhook', url, secret: SECRET, allowRanges: ['127.0.0.0/8'] }],
    outbox: { retryFirstMs: 20, retryMaxMs: 50, ...outbox },
    ...changes,
  })
}

function run(bus: Bus, settings: AlertsConfig): () => Promise<void> {
  const controller = new AbortController()
  const done = runAlerts(
    { config: settings, bus, clock: systemClock, logger: quietLogger, ...watching(), version: '0.1.0' },
    controller.signal,
  )
  const stop = async () => {
    controller.abort()
    await done
  }
  stops.push(stop)
  return stop
}

function watching() {
  return { progress: new Progress(systemClock), health: new Health(), dataFolder: tmpdir() }
}

async function publish(bus: Bus, ...findings: Finding[]): Promise<void> {
  await bus.publish(findings.map((one) => ({ topic: TOPIC.findings, partition: 0, value: encodeFinding(one) })))
}

async function ticks(bus: Bus, time: number): Promise<void> {
  await bus.publish(
    ['stage1/0', 'stage2/0'].map((producer) => ({
      topic: TOPIC.findings,
      partition: 0,
      value: tick(time, producer),
    })),
  )
}

/** Keeps ticks coming until the test ends, as collectors do. */
function keepTicking(bus: Bus, time = 10): void {
  const timer = setInterval(() => ticks(bus, time), 20)
  stops.push(async () => clearInterval(timer))
}

function statuses(bus: MemoryBus): string[] {
  return notifications(bus).map(({ status, receiver, reason }) => `${receiver} ${reason} ${status}`)
}

function notifications(bus: MemoryBus): NotificationRecord[] {
  return bus
    .log(TOPIC.incidents)
    .map(({ value }) => decodeAlertRecord(value))
    .filter((record) => record?.type === 'notification')
}

describe('alerts', () => {
  it('a finding reaches the receiver as an incident, and its end as resolved', async () => {
    const hook = await receiver()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    await publish(bus, finding(10))
    await hook.until((all) => all.length === 1)
    await ticks(bus, 69)
    await ticks(bus, 71)
    await hook.until((all) => all.length === 2)
    expect(hook.received.map(({ json }) => [json.reason, json.status, json.incident.version])).toEqual([
      ['first', 'open', 1],
      ['resolved', 'resolved', 2],
    ])
    keepTicking(bus, 72)
    await eventually(() => statuses(bus)).toEqual(['oncall first sent', 'oncall resolved sent'])
  })

  it('further findings of an open incident are not told; a new kind and a higher severity are', async () => {
    const hook = await receiver()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    for (const [count, one] of [
      [1, finding(10)],
      [1, finding(20)],
      [1, finding(30)],
      [2, finding(40, { severity: 'critical' })],
      [3, finding(50, { kind: 'scan' })],
    ] as const) {
      await publish(bus, one)
      await hook.until((all) => all.length === count)
    }
    expect(hook.received.map(({ json }) => [json.reason, json.incident.version])).toEqual([
      ['first', 1],
      ['changed', 4],
      ['changed', 5],
    ])
  })

  it('each receiver hears from its own severity on', async () => {
    const [all, pager] = [await receiver(), await receiver()]
    const bus = new MemoryBus(1)
    const one = { type: 'webhook', secret: SECRET, allowRanges: ['127.0.0.0/8'] }
    run(
      bus,
      config('', {
        receivers: [
          { ...one, name: 'all', url: all.url, minSeverity: 'info' },
          { ...one, name: 'pager', url: pager.url, minSeverity: 'critical' },
        ],
      }),
    )
    await publish(bus, finding(10, { severity: 'info' }))
    await publish(bus, finding(20, { severity: 'critical' }))
    await pager.until((got) => got.length === 1)
    await all.until((got) => got.at(-1)?.json.incident.version === 2)
    expect(pager.received[0]?.json).toMatchObject({ reason: 'first', incident: { version: 2 } })
  })

  it('a receiver that was down for long gets the final state of each incident once it is up', async () => {
    const gone = await startReceiver()
    await gone.close()
    const bus = new MemoryBus(1)
    run(bus, config(gone.url))
    keepTicking(bus, 70)
    await publish(bus, ...Array.from({ length: 20 }, (_, i) => finding(10 + (i % 2) * 100, { fingerprint: `f${i}` })))
    await eventually(() => notifications(bus).filter(({ attempt }) => attempt >= 4).length).toBeGreaterThan(20)
    expect(new Set(statuses(bus))).not.toContain('oncall first sent')
    const hook = await startReceiver(gone.port)
    stops.push(() => hook.close())
    await hook.until((all) => all.length === 20)
    const state = new Map(hook.received.map(({ json }) => [json.incident.id, json.status]))
    expect(state.size).toBe(20)
    expect([...state.values()].filter((status) => status === 'resolved').length).toBe(10)
  })

  it('repeats of one message carry the same id and each its own timestamp', async () => {
    const hook = await receiver()
    let left = 3
    hook.answer = (response) => response.writeHead(left-- > 0 ? 500 : 204).end()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    await publish(bus, finding(10))
    keepTicking(bus)
    await eventually(() => statuses(bus).at(-1)).toBe('oncall first sent')
    expect(hook.received.length).toBe(4)
    expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(notifications(bus).map(({ status, attempt }) => [status, attempt])).toEqual([
      ['failed', 1],
      ['failed', 2],
      ['failed', 3],
      ['sent', 4],
    ])
  })

  it('a newer version takes the place of one that could not be sent', async () => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(503).end()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    keepTicking(bus)
    await publish(bus, finding(10))
    await hook.until((all) => all.length >= 2)
    await publish(bus, finding(20, { severity: 'critical' }))
    await hook.until((all) => all.at(-1)?.json.incident.version === 2)
    hook.answer = undefined
    await eventually(() => statuses(bus).at(-1)).toMatch('sent')
    const sent = notifications(bus).filter(({ status }) => status === 'sent')
    expect(sent.map(({ incidentVersion }) => incidentVersion)).toEqual([2])
  })

  it('Retry-After keeps the whole receiver quiet for so long', async () => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(429, { 'retry-after': '1' }).end()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    keepTicking(bus)
    await publish(bus, finding(10))
    await eventually(() => statuses(bus)).toContain('oncall first failed')
    hook.answer = undefined
    await publish(bus, finding(20, { fingerprint: 'f2' }))
    await hook.until((all) => all.length === 3)
    const [first, second] = hook.received
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(990)
  })

  it.each([410, 404, 302])('%i is a dead letter at once, and later changes are still tried', async (status) => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(status, { location: hook.url }).end()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url))
    keepTicking(bus)
    await publish(bus, finding(10))
    await eventually(() => statuses(bus)).toEqual(['oncall first dead'])
    expect(notifications(bus)[0]?.detail).toContain(`receiver answered ${status}`)
    hook.answer = undefined
    await publish(bus, finding(20, { severity: 'critical' }))
    await eventually(() => statuses(bus)).toEqual(['oncall first dead', 'oncall changed sent'])
  })

  it('a message that is not taken for too long is a dead letter', async () => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(500).end()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url, {}, { giveUpAfterHours: 0.6 / 3_600 }))
    keepTicking(bus)
    await publish(bus, finding(10))
    await eventually(() => statuses(bus).at(-1)).toBe('oncall first dead')
    expect(notifications(bus).length).toBeGreaterThan(1)
  })

  it('a slow receiver does not keep another waiting', async () => {
    const [slow, fast] = [await receiver(), await receiver()]
    slow.answer = () => {}
    const bus = new MemoryBus(1)
    const one = { type: 'webhook', secret: SECRET, allowRanges: ['127.0.0.0/8'], timeoutMs: 60_000 }
    const receivers = [
      { ...one, name: 'slow', url: slow.url },
      { ...one, name: 'fast', url: fast.url },
    ]
    run(bus, config('', { receivers }))
    await publish(bus, ...Array.from({ length: 20 }, (_, i) => finding(10, { fingerprint: `f${i}` })))
    await fast.until((all) => all.length === 20)
    expect(slow.received.length).toBeLessThanOrEqual(4)
  })

  it('a storm becomes a summary, its incidents all in the log', async () => {
    const hook = await receiver()
    const bus = new MemoryBus(1)
    bus.batchRecords = 7
    run(bus, config(hook.url, {}, { messagesPerMinute: 10, maxPending: 50 }))
    keepTicking(bus)
    const storm = Array.from({ length: 1_000 }, (_, i) => finding(10, { fingerprint: `f${i}` }))
    await publish(bus, ...storm)
    const summarised = () =>
      hook.received.reduce((sum, { json }) => sum + ((json as unknown as { changes?: number }).changes ?? 0), 0)
    await eventually(
      () => bus.log(TOPIC.incidents).filter(({ value }) => decodeAlertRecord(value)?.type === 'incident').length,
    ).toBe(1_000)
    await hook.until(() => summarised() > 0)
    expect(hook.received.length).toBeLessThanOrEqual(30)
    expect(hook.received.some(({ json }) => json.type === 'eastwatch.summary')).toBe(true)
  })

  it('every change of a storm is counted once in what a receiver gets that was down meanwhile', async () => {
    const gone = await startReceiver()
    await gone.close()
    const bus = new MemoryBus(1)
    bus.batchRecords = 7
    const settings = config(gone.url, {}, { maxPending: 50, messagesPerMinute: 10_000 })
    const stop = run(bus, settings)
    const storm = Array.from({ length: 500 }, (_, i) => finding(10, { fingerprint: `f${i}` }))
    await publish(bus, ...storm)
    const incidents = () =>
      bus.log(TOPIC.incidents).filter(({ value }) => decodeAlertRecord(value)?.type === 'incident')
    await eventually(() => incidents().length).toBe(500)
    await eventually(async () => (await bus.lag()).every(({ committed, end }) => end - committed < 20)).toBe(true)
    await stop()
    run(bus, settings)
    keepTicking(bus)
    const hook = await startReceiver(gone.port)
    stops.push(() => hook.close())
    const told = () => {
      const bodies = new Map(hook.received.map(({ json }) => [json.id, json as unknown as { changes?: number }]))
      return [...bodies.values()].reduce((sum, { changes }) => sum + (changes ?? 1), 0)
    }
    await eventually(told).toBe(500)
    expect(hook.received.length).toBeLessThan(60)
  })

  it('after a kill at any moment each incident still reaches the receiver, repeats under the same id', async () => {
    const hook = await receiver()
    let requests = 0
    // Every third message is refused, every fifth is taken but its answer lost.
    hook.answer = (response) => {
      requests += 1
      if (requests % 5 === 0) response.socket?.destroy()
      else response.writeHead(requests % 3 === 0 ? 500 : 204).end()
    }
    const bus = new MemoryBus(1)
    bus.batchRecords = 3
    const settings = config(hook.url, {}, { messagesPerMinute: 10_000 })
    const findings = Array.from({ length: 60 }, (_, i) =>
      finding(10 + Math.floor(i / 20) * 5, {
        fingerprint: `f${i % 20}`,
        severity: i < 40 ? 'high' : 'critical',
      }),
    )
    for (const one of findings) {
      const stop = run(bus, settings)
      await publish(bus, one)
      await ticks(bus, 10)
      for (let turn = 0; turn < Math.floor(Math.random() * 12); turn += 1) await new Promise(setImmediate)
      await stop()
    }
    run(bus, settings)
    keepTicking(bus, 15)
    const incidents = new Map<string, number>()
    for (const { value } of bus.log(TOPIC.incidents)) {
      const record = decodeAlertRecord(value)
      if (record?.type !== 'incident') continue
      expect(record.version).toBe((incidents.get(record.id) ?? 0) + 1)
      incidents.set(record.id, record.version)
    }
    await eventually(
      () =>
        new Set(hook.received.filter(({ json }) => json.incident.version === 3).map(({ json }) => json.incident.id))
          .size,
    ).toBe(20)
    const bodies = new Map<string, string>()
    for (const { headers, body, json } of hook.received) {
      const id = headers['webhook-id'] as string
      expect(json.id).toBe(id)
      expect(bodies.get(id) ?? body).toBe(body)
      bodies.set(id, body)
    }
  })

  it('what waits for a receiver that is no longer configured is a dead letter', async () => {
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(500).end()
    const bus = new MemoryBus(1)
    const stop = run(bus, config(hook.url))
    await publish(bus, finding(10))
    await ticks(bus, 10)
    await hook.until((all) => all.length >= 1)
    await stop()
    run(bus, config('', { receivers: [] }))
    keepTicking(bus)
    await eventually(() => statuses(bus).at(-1)).toBe('oncall first dead')
    expect(notifications(bus).at(-1)?.detail).toBe('receiver is no longer configured')
  })

  it('from incident to receiver it takes less than 2 s in 99 of 100 cases', async () => {
    const hook = await receiver()
    const bus = new MemoryBus(1)
    run(bus, config(hook.url, {}, { messagesPerMinute: 10_000 }))
    const published: number[] = []
    for (let i = 0; i < 200; i += 1) {
      published.push(Date.now())
      await publish(bus, finding(10, { fingerprint: `f${i}`, cause: String(i) }))
      await hook.until((all) => all.length >= i - 40)
    }
    await hook.until((all) => all.length === 200)
    const took = hook.received.map(({ at, json }) => at - published[Number(json.incident.cause)]!).sort((a, b) => a - b)
    expect(took[197]).toBeLessThan(2_000)
  })

  it('no secret is in a log, a record or a message', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
    const hook = await receiver()
    hook.answer = (response) => response.writeHead(500).end()
    const bus = new MemoryBus(1)
    const controller = new AbortController()
    const done = runAlerts(
      { config: config(hook.url), bus, clock: systemClock, logger, ...watching(), version: '0.1.0' },
      controller.signal,
    )
    await publish(bus, finding(10))
    keepTicking(bus)
    await eventually(() => statuses(bus).length).toBeGreaterThan(2)
    controller.abort()
    await done
    const secret = SECRET.slice('whsec_'.length)
    const log = bus.log(TOPIC.incidents).map(({ value }) => Buffer.from(value).toString())
    expect(lines.length).toBeGreaterThan(2)
    expect([...lines, ...log, ...hook.received.map(({ body }) => body)].join('\n')).not.toContain(secret)
  })
})

describe('configuration', () => {
  it('has no receivers by default', () => expect(AlertsConfig.parse({}).receivers).toEqual([]))

  it.each([
    [{ url: 'ftp://x/' }, 'not an http:// or https:// address'],
    [{ url: 'https://user:pw@x/' }, 'must not hold a user name or password'],
    [{ url: 'http://127.0.0.1/', allowRanges: [] }, 'address 127.0.0.1 is not public'],
    [{ url: 'http://[::ffff:a9fe:a9fe]/' }, 'is not public'],
    [{ allowRanges: ['10.0.0.0'] }, 'is no address range'],
    [{ secret: 'password' }, 'not a signing secret'],
    [{ type: 'pigeon' }, 'Invalid'],
    [{ name: 'a/b' }, 'a name is'],
    [{ colour: 'red' }, 'Unrecognized'],
  ])('%j is refused: %s', (change, sentence) => {
    const one = { name: 'a', type: 'webhook', url: 'https://hooks.example/', secret: SECRET, ...change }
    const result = AlertsConfig.safeParse({ receivers: [one] })
    expect(JSON.stringify(result.error?.issues)).toContain(sentence)
  })

  it('two receivers of one name are refused', () => {
    const one = { name: 'a', type: 'webhook', url: 'https://hooks.example/', secret: SECRET }
    expect(AlertsConfig.safeParse({ receivers: [one, one] }).success).toBe(false)
  })
})
