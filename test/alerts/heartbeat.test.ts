import { afterEach, describe, expect, it } from 'vitest'
import { Progress, runHeartbeat } from '../../alerts/heartbeat.ts'
import { HeartbeatConfig } from '../../alerts/heartbeat-config.ts'
import { Health } from '../../core/telemetry/health.ts'
import { eventually, quietLogger, SECOND, SECRET, startReceiver, T0 } from './findings.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function beating() {
  const hook = await startReceiver()
  stops.push(() => hook.close())
  const clock = { time: T0, now: () => clock.time }
  const progress = new Progress(clock)
  progress.share([0, 1])
  const health = new Health()
  const store = { ready: true, detail: 'answers' }
  health.register('store', () => store)
  const config = HeartbeatConfig.parse({ url: hook.url, secret: SECRET, allowRanges: ['127.0.0.0/8'], timeoutMs: 500 })
  const controller = new AbortController()
  const beats = { left: 0, quiet: 0 }
  const logger = quietLogger.child({})
  logger.warn = () => {
    beats.quiet += 1
  }
  const done = runHeartbeat(
    { config, progress, health, clock, version: '0.1.0', logger, everyMs: 5 },
    controller.signal,
  )
  stops.push(async () => {
    controller.abort()
    await done
  })
  return { hook, clock, progress, beats, store }
}

describe('heartbeat', () => {
  it('tells version, time, watermark and lag, signed', async () => {
    const { hook, clock, progress } = await beating()
    progress.observe(0, T0 - 12 * SECOND)
    progress.observe(1, T0 - 15 * SECOND)
    await hook.until((all) => all.length === 1)
    expect(JSON.parse(hook.received[0]!.body)).toEqual({
      type: 'eastwatch.heartbeat',
      version: 1,
      eastwatch: '0.1.0',
      time: '2027-01-15T08:00:00.000Z',
      watermark: '2027-01-15T07:59:45.000Z',
      lagMs: 15_000,
    })
    expect(hook.received[0]?.headers['webhook-id']).toBe(`heartbeat.${clock.time / SECOND}`)
    expect(hook.received[0]?.headers['webhook-signature']).toMatch(/^v1,/)
  })

  it('is not sent before every partition has ticked', async () => {
    const { hook, progress, beats } = await beating()
    progress.observe(0, T0)
    await eventually(() => beats.quiet).toBeGreaterThan(3)
    expect(hook.received).toEqual([])
  })

  it('stops when one partition stands still for a minute, and goes on when it moves again', async () => {
    const { hook, clock, progress, beats } = await beating()
    progress.observe(0, T0)
    progress.observe(1, T0)
    await hook.until((all) => all.length > 0)
    clock.time += 61 * SECOND
    progress.observe(0, clock.time)
    const before = beats.quiet
    await eventually(() => beats.quiet).toBeGreaterThan(before + 2)
    const sent = hook.received.length
    await eventually(() => beats.quiet).toBeGreaterThan(before + 5)
    expect(hook.received.length).toBe(sent)
    progress.observe(1, clock.time)
    await hook.until((all) => all.length > sent)
  })

  it('stops while a part is not ready, and goes on when it is', async () => {
    const { hook, progress, beats, store } = await beating()
    progress.observe(0, T0)
    progress.observe(1, T0)
    await hook.until((all) => all.length > 0)
    store.ready = false
    const before = beats.quiet
    await eventually(() => beats.quiet).toBeGreaterThan(before + 2)
    const sent = hook.received.length
    await eventually(() => beats.quiet).toBeGreaterThan(before + 5)
    expect(hook.received.length).toBe(sent)
    store.ready = true
    await hook.until((all) => all.length > sent)
  })

  it('a receiver that fails does not end it', async () => {
    const { hook, progress } = await beating()
    hook.answer = (response) => response.writeHead(500).end()
    progress.observe(0, T0)
    progress.observe(1, T0)
    await hook.until((all) => all.length > 3)
  })

  it('is sent by the process that has the first partition, for what its share has reached', async () => {
    const { hook, progress, beats } = await beating()
    progress.share([1])
    progress.observe(1, T0)
    expect(progress.watermark).toBe(T0)
    progress.share([1, 2])
    expect(progress.watermark).toBe(0)
    progress.observe(2, T0 - SECOND)
    expect(progress.isAlive()).toBe(true)
    progress.share([0, 2])
    progress.observe(1, T0 + SECOND)
    expect(progress.watermark).toBe(0)
    await eventually(() => beats.quiet).toBeGreaterThan(1)
    expect(hook.received).toEqual([])
    progress.observe(0, T0)
    await hook.until((all) => all.length === 1)
    expect(JSON.parse(hook.received[0]!.body)).toMatchObject({ lagMs: 1000 })
  })
})
