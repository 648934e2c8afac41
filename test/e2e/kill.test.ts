import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { seeded } from '../../demo/random.ts'
import { DISPUTED, STEADY, visits } from './kill-visitors.ts'
import { newWorld, noPipeline, type World } from './pipeline.ts'
import { Player } from './player.ts'
import { difference, NO_DIFFERENCE, readStored, type Stored } from './stored.ts'
import { originUs, quietTail, type Stretch, storyRecords, stretches, unreadable } from './traffic.ts'

const SEED = 11
const MINUTES = 33
const PIPELINE_KILLS = 11
const STORE_KILLS = 11

/** What must be found, so that the comparison is not one of nothing with nothing. */
const KINDS = [
  'absolute_first',
  'absolute_hour',
  'scan',
  'impostor',
  'expired_certificate',
  'outside_graph',
  'stolen_identity',
]

interface Kill {
  victim: 'pipeline' | 'store'
  phase: 'sending' | 'ticking'
  /** Within the phase, or a little beyond it. */
  afterMs: number
}

/** Moments of death: by stretch, at most one in each. */
function plan(among: number): Map<number, Kill> {
  const random = seeded(SEED)
  const kills = new Map<number, Kill>()
  for (let i = 0; i < PIPELINE_KILLS + STORE_KILLS; i += 1) {
    let at = 0
    do at = Math.floor(random.next() * among)
    while (kills.has(at))
    kills.set(at, {
      victim: i < PIPELINE_KILLS ? 'pipeline' : 'store',
      phase: i % 2 === 0 ? 'sending' : 'ticking',
      afterMs: random.next() * 40,
    })
  }
  return kills
}

/** Who the refused callers at an address are said to be, and how often. */
function refusedAs({ calls }: Stored, address: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const row of calls) {
    const call = JSON.parse(row)
    if (call.source_address !== address || call.outcome !== 'tls_failure') continue
    const who = `${call.source_identity} (${call.source_identity_origin})`
    counts[who] = (counts[who] ?? 0) + 1
  }
  return counts
}

describe.skipIf(noPipeline() !== undefined)('the pipeline under kill -9', () => {
  const worlds: World[] = []
  const players: Player[] = []
  afterEach(async () => {
    for (const player of players.splice(0)) await player.end()
    for (const world of worlds.splice(0)) world.remove()
  })

  async function play(script: readonly Stretch[], startUs: number, kills: ReadonlyMap<number, Kill>): Promise<Stored> {
    const world = await newWorld()
    worlds.push(world)
    const player = new Player(world, startUs)
    players.push(player)
    let deaths = 0
    for (const [i, stretch] of script.entries()) {
      const kill = kills.get(i)
      let death: Promise<void> | undefined
      const strike = (phase: Kill['phase']) => () => {
        if (kill?.phase !== phase) return
        death = delay(kill.afterMs).then(() =>
          kill.victim === 'pipeline' ? player.killPipeline() : player.killStore(),
        )
      }
      await player.play(stretch, { sending: strike('sending'), ticking: strike('ticking') })
      if (death === undefined) continue
      await death
      deaths += 1
      // An acknowledgement that the sender never saw: it sends what is stored already.
      await Promise.all(stretch.bodies.slice(0, 2).map((body) => player.send(body)))
    }
    expect(deaths).toBe(kills.size)
    await player.settleAndStop()
    return readStored(world)
  }

  it(`${PIPELINE_KILLS + STORE_KILLS} deaths leave the same rows, findings and incidents as none`, async () => {
    const origin = originUs()
    const story = storyRecords(MINUTES, origin)
    const records = [...story, ...visits(story, origin, MINUTES)]
    const sent = records.flatMap((record, i) => (i % 50 === 0 ? [record, unreadable(record)] : [record]))
    const told = stretches(sent, { origin, minutes: MINUTES, stretchSeconds: 30, recordsPerBody: 12 })
    const script = [...told, ...quietTail(told.at(-1)!.untilUs)]

    const expected = await play(script, origin, new Map())
    expect(expected.calls.length).toBe(records.length)
    expect(expected.rejected.length).toBe(sent.length - records.length)
    const kinds = new Set(expected.findings.map((row) => JSON.parse(row).kind))
    expect(kinds).toEqual(new Set(KINDS))
    expect(expected.incidents.length).toBeGreaterThanOrEqual(6)
    // Learned names are compared too: here is what the visitors' own records do not tell.
    expect(refusedAs(expected, STEADY)).toEqual({ 'cluster.local/ns/shop/sa/payment (learned)': 60 })
    expect(refusedAs(expected, DISPUTED)).toEqual({
      ' (none)': 34,
      'cluster.local/ns/shop/sa/payment (learned)': 3,
      'cluster.local/ns/shop/sa/shipping (learned)': 25,
    })

    const actual = await play(script, origin, plan(told.length + 10))
    for (const table of Object.keys(expected) as (keyof Stored)[]) {
      expect({ table, ...difference(expected[table], actual[table]) }).toEqual({ table, ...NO_DIFFERENCE })
    }
  }, 240_000)
})
