import { afterEach, describe, expect, it } from 'vitest'
import { runAlerts } from '../../alerts/app.ts'
import { AlertsConfig } from '../../alerts/config.ts'
import type { Bus } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { systemClock } from '../../core/clock.ts'
import { encodeFinding, type Finding } from '../../detectors/detector.ts'
import { decodeAlertRecord, type NotificationRecord } from '../../storage/incident-records.ts'
import { finding, quietLogger, SECRET, startReceiver, type TestReceiver, tick } from './findings.ts'
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

function config(url: string, changes: object = {}): AlertsConfig {
  return AlertsConfig.parse({
    receivers: [{ name: 'oncall', type: 'webhook', url, secret: SECRET, allowRanges: ['127.0.0.0/8'], timeoutMs: 500 }],
    outbox: { retryFirstMs: 20, retryMaxMs: 50 },
    ...changes,
  })
}

function run(bus: Bus, settings: AlertsConfig): () => Promise<void> {
  const controller = new AbortController()
  const done = runAlerts(
    { config: settings, bus, clock: systemClock, logger: quietLogger, version: '0.1.0' },
    controller.signal,
  )
  const stop = async () => {
    controller.abort()
    await done
  }
  stops.push(stop)
  return stop
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
    await expect
      .poll(async () => {
        await ticks(bus, 72)
        return notifications(bus).map(({ status }) => status)
      })
      .toEqual(['sent', 'sent'])
  })
})
