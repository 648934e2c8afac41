/** Silence is a signal: what stops, lags or hangs is seen in /readyz, and a person hears of it. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { EastwatchConfig } from '../../cli/config.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'
import { encodeLogs } from '../../demo/otlp.ts'
import { LogSender } from '../../demo/sender.ts'
import { simulate } from '../../demo/simulation.ts'
import { openReader } from '../../storage/query.ts'
import { eventually, SECRET, startReceiver, type TestReceiver } from '../alerts/findings.ts'
import { ENTRY } from '../storage/store.ts'
import { newWorld, noPipeline, PipelineProcess, type World } from './pipeline.ts'
import { Player } from './player.ts'
import { originUs, stretches } from './traffic.ts'

const MINUTES = 28
const STOPS_AT = 21
const LOOPBACK = { secret: SECRET, allowRanges: ['127.0.0.0/8'] }

interface Message {
  severity: string
  summary: string
  incident: { detector: string; kinds: string[] }
  sql: string
}

interface Ready {
  ready: boolean
  parts: Record<string, { ready: boolean; detail: string }>
}

describe.skipIf(noPipeline() !== undefined)('silence', () => {
  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  /** A pipeline's world, with receivers of incidents and of heartbeats. */
  async function world(): Promise<{ world: World; incidents: TestReceiver; heartbeats: TestReceiver }> {
    const [incidents, heartbeats] = await Promise.all([startReceiver(), startReceiver()])
    ends.push(() => Promise.all([incidents.close(), heartbeats.close()]))
    const alerts = {
      receivers: [{ name: 'oncall', type: 'webhook', url: incidents.url, ...LOOPBACK }],
      heartbeat: { url: heartbeats.url, ...LOOPBACK },
    }
    const made = await newWorld({ alerts })
    ends.push(() => made.remove())
    return { world: made, incidents, heartbeats }
  }

  it('of a service that answers but no longer reports becomes an incident; its SQL runs and shows who reported', async () => {
    const { world: own, incidents } = await world()
    const origin = originUs()
    const stopsUs = origin + STOPS_AT * MINUTE
    const isHeard = ({ pod, startUs }: AccessLog) => pod.service !== 'cart' || startUs < stopsUs
    const player = new Player(own, origin)
    ends.push(() => player.end())
    const cut = { origin, minutes: MINUTES, stretchSeconds: 60, recordsPerBody: 400 }
    for (const stretch of stretches(records(origin).filter(isHeard), cut)) await player.play(stretch)
    await eventually(() => messages(incidents).map(({ incident }) => incident.detector)).toContain('telemetry_stopped')
    await player.settleAndStop()
    const told = messages(incidents)
    expect(told.map(({ incident, severity }) => [...incident.kinds, severity])).toEqual([
      ['destination_silent', 'warning'],
    ])
    expect(told[0]!.summary).toMatch(/^cart\.shop answers its callers \(they report [\d,]+ successful calls\)/)
    const reader = await openReader(EastwatchConfig.parse(own.config), ENTRY)
    try {
      const rows = await reader.rows<{ minute: string; reporter: string; calls: string }>(told[0]!.sql)
      const after = rows.filter(({ minute }) => Date.parse(`${minute.replace(' ', 'T')}Z`) * 1000 >= stopsUs)
      expect(new Set(rows.map(({ reporter }) => reporter))).toEqual(new Set(['source', 'destination']))
      expect(new Set(after.map(({ reporter }) => reporter))).toEqual(new Set(['source']))
    } finally {
      await reader.close()
    }
  }, 120_000)

  it('of a pipeline that has nothing to do, or little, is no trouble, for as long as it may take', async () => {
    const { pipeline, clock, send, troubles } = await watched()
    for (let minute = 0; minute < 10; minute += 1) {
      for (let second = 0; second < 60; second += 10) {
        await clock.goOn(10 * SECOND)
        expect(await troubles()).toEqual([])
      }
      if (minute === 3) await send()
    }
    const committed = (await pipeline.lag()).filter(({ topic }) => topic === TOPIC.calls || topic === TOPIC.windows)
    for (const { committed: next, end } of committed) expect(end - next).toBeLessThan(end / 2)
  }, 300_000)

  it('of a store that hangs, or of time that stands still, is in /readyz and an incident; meanwhile no heartbeat is sent', async () => {
    const { pipeline, clock, send, incidents, heartbeats, readyz, troubles } = await watched()
    const told = () =>
      messages(incidents)
        .map(({ summary }) => summary)
        .join('\n')
    expect(await troubles()).toEqual([])

    const store = (await pipeline.storePid())!
    process.kill(store, 'SIGSTOP')
    ends.push(() => process.kill(store, 'SIGCONT'))
    await eventually(troubles).toEqual(['store'])
    await send()
    await clock.goOn(2.5 * MINUTE)
    await eventually(troubles).toEqual(['store', 'groups'])
    expect((await readyz()).parts.groups!.detail).toMatch(/storage-calls has not moved for \d{3} s and has \d+ records/)
    // Told once it has lasted a minute, by looks that wait for the store's answer.
    const goingOn = async () => {
      await clock.goOn(10 * SECOND)
      return told()
    }
    await expect.poll(goingOn, { timeout: 60_000 }).toMatch(/Eastwatch does not do its work \(groups\): storage-/)
    expect(told()).toContain('Eastwatch does not do its work (store): does not answer')
    await withheld(pipeline, 1)
    expect(heartbeats.received).toEqual([])

    process.kill(store, 'SIGCONT')
    await eventually(troubles).toEqual([])
    await heartbeats.until((all) => all.length > 0)

    await clock.stop()
    await pipeline.later(2 * MINUTE + SECOND)
    await eventually(troubles).toEqual(['time'])
    expect((await readyz()).parts.time!.detail).toContain('no window is judged')
    await eventually(async () => {
      // The clock goes on; it is the ticks that stay away.
      await pipeline.setTime(clock.us)
      await pipeline.later(MINUTE)
      return told()
    }).toContain('Eastwatch does not do its work (time)')
  }, 300_000)

  /** A pipeline that runs with its time, and what it says of itself. */
  async function watched() {
    const { world: own, ...receivers } = await world()
    const clock = new GoingClock(await PipelineProcess.start(own, Date.now() * 1000))
    const { pipeline } = clock
    ends.push(() => pipeline.kill())
    const sender = new LogSender(`127.0.0.1:${pipeline.ports.grpc}`)
    ends.push(() => sender.close())
    const send = () => sender.send(encodeLogs(records(clock.us).slice(0, 100)), pipeline.ended)
    const readyz = async () => (await (await fetch(`http://127.0.0.1:${pipeline.ports.health}/readyz`)).json()) as Ready
    const troubles = async () =>
      Object.entries((await readyz()).parts).flatMap(([part, { ready }]) => (ready ? [] : [part]))
    return { ...receivers, pipeline, clock, send, readyz, troubles }
  }
})

function records(origin: number): AccessLog[] {
  const all: AccessLog[] = []
  for (const minute of simulate({ seed: 7, attacks: false, days: 0 }, origin)) {
    all.push(...minute.records)
    if (minute.untilUs >= MINUTES * MINUTE) break
  }
  return all
}

function messages({ received }: TestReceiver): Message[] {
  return received.map(({ body }) => JSON.parse(body) as Message)
}

/** The log's time and the watch's go on together: by the machine's clock, with a tick a second as a collector's, and when told to. */
class GoingClock {
  readonly pipeline: PipelineProcess
  #aheadUs = 0
  readonly #stopping = new AbortController()
  readonly #ticking: Promise<void>

  constructor(pipeline: PipelineProcess) {
    this.pipeline = pipeline
    this.#ticking = this.#keepTicking()
  }

  get us(): number {
    return Date.now() * 1000 + this.#aheadUs
  }

  /** Ten seconds at a time; each has its window in every partition, so that whoever reads them has had the time to. */
  async goOn(us: number): Promise<void> {
    for (let passed = 0; passed < us; passed += 10 * SECOND) {
      const before = await this.#windows()
      this.#aheadUs += 10 * SECOND
      await this.pipeline.later(10 * SECOND)
      await eventually(async () => (await this.#windows()).every((end, i) => end > before[i]!)).toBe(true)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ticking
  }

  async #windows(): Promise<number[]> {
    return (await this.pipeline.lag()).filter(({ topic }) => topic === TOPIC.windows).map(({ end }) => end)
  }

  async #keepTicking(): Promise<void> {
    try {
      while (!this.#stopping.signal.aborted) {
        await this.pipeline.setTime(this.us)
        await this.pipeline.tick()
        await delay(1000)
      }
    } catch (error) {
      if (!this.pipeline.ended.aborted) throw error
    }
  }
}

/** Heartbeats are a minute apart. */
function withheld({ ports }: PipelineProcess, least: number): Promise<void> {
  const read = async () => {
    const text = await (await fetch(`http://127.0.0.1:${ports.health}/metrics`)).text()
    return Number(/^eastwatch_heartbeats_total\{.*status="withheld".*\} (\d+)/m.exec(text)?.[1] ?? 0)
  }
  return expect.poll(read, { timeout: 70_000, interval: 1000 }).toBeGreaterThanOrEqual(least)
}
