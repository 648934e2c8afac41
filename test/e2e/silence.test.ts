/** Silence is a signal: what stops, lags or hangs is seen in /readyz, and a person hears of it. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { EastwatchConfig } from '../../cli/config.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'
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

  it('of a store that hangs, or of time that stands still, is in /readyz and an incident; meanwhile no heartbeat is sent', async () => {
    const { world: own, incidents, heartbeats } = await world()
    const pipeline = await PipelineProcess.start(own, Date.now() * 1000)
    ends.push(() => pipeline.kill())
    const stopTicking = keepTicking(pipeline)
    const readyz = async () => (await (await fetch(`http://127.0.0.1:${pipeline.ports.health}/readyz`)).json()) as Ready
    const troubles = async () =>
      Object.entries((await readyz()).parts).flatMap(([part, { ready }]) => (ready ? [] : [part]))
    const told = () =>
      messages(incidents)
        .map(({ summary }) => summary)
        .join('\n')
    expect(await troubles()).toEqual([])

    const store = (await pipeline.storePid())!
    process.kill(store, 'SIGSTOP')
    ends.push(() => process.kill(store, 'SIGCONT'))
    await eventually(troubles).toEqual(['store'])
    // Its sinks have nothing they could not write yet; what they read from now on waits.
    await delay(5000)
    const written = async () =>
      (await pipeline.lag()).filter(({ topic }) => topic === TOPIC.calls).map(({ end }) => end)
    /** With ticks between, in each partition: a clock that leaps tells nothing of groups. */
    const goOn = async (us: number) => {
      for (let passed = 0; passed < us; passed += MINUTE / 2) {
        await readyz()
        const before = await written()
        await eventually(async () => (await written()).every((end, i) => end > before[i]!)).toBe(true)
        await pipeline.later(MINUTE / 2)
      }
    }
    await goOn(2.5 * MINUTE)
    await eventually(troubles).toEqual(['store', 'groups'])
    expect((await readyz()).parts.groups!.detail).toMatch(
      /storage-\w+ has not moved for [12]\d\d s and has \d+ records/,
    )
    await goOn(MINUTE)
    await eventually(told).toMatch(/Eastwatch does not do its work \(groups\): storage-/)
    expect(told()).toContain('Eastwatch does not do its work (store): does not answer')
    await withheld(pipeline, 1)
    expect(heartbeats.received).toEqual([])

    process.kill(store, 'SIGCONT')
    await eventually(troubles).toEqual([])
    await heartbeats.until((all) => all.length > 0)

    await stopTicking()
    await pipeline.later(2 * MINUTE + SECOND)
    // Groups that commit by the log's time may wait as well.
    await eventually(troubles).toContain('time')
    expect((await readyz()).parts.time!.detail).toContain('no window is judged')
    await eventually(async () => {
      // The clock goes on; it is the ticks that stay away.
      await pipeline.setTime(Date.now() * 1000)
      await pipeline.later(MINUTE)
      return told()
    }).toContain('Eastwatch does not do its work (time)')
  }, 240_000)
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

/** Until the returned function is called: as a collector does, once a second by the machine's clock. */
function keepTicking(pipeline: PipelineProcess): () => Promise<void> {
  const stopping = new AbortController()
  const ticking = (async () => {
    while (!stopping.signal.aborted && !pipeline.ended.aborted) {
      await pipeline.setTime(Date.now() * 1000)
      await pipeline.tick()
      await delay(1000)
    }
  })()
  return async () => {
    stopping.abort()
    await ticking
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
