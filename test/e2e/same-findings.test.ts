import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { SECOND } from '../../core/clock.ts'
import type { AccessLog } from '../../demo/access-log.ts'
import { type Random, seeded } from '../../demo/random.ts'
import { withInterception } from './interception.ts'
import { newWorld, noPipeline, type World } from './pipeline.ts'
import { Player } from './player.ts'
import { difference, NO_DIFFERENCE, readStored, type Stored } from './stored.ts'
import { endOf, originUs, quietTail, storyRecords, stretches } from './traffic.ts'

const MINUTES = 33
/** From this minute on something sits between two proxies. */
const INTERCEPTED_FROM = 27
const LATENESS_SECONDS = 10

interface Manner {
  partitions: number
  recordsPerBody: number
  stretchSeconds: number
  /** Records arrive at random so long after their end, at most. */
  delaySeconds: number
}

describe.skipIf(noPipeline() !== undefined)('the same input', () => {
  const worlds: World[] = []
  const players: Player[] = []
  afterEach(async () => {
    for (const player of players.splice(0)) await player.end()
    for (const world of worlds.splice(0)) world.remove()
  })

  async function play(records: readonly AccessLog[], origin: number, manner: Manner): Promise<Stored> {
    const { partitions, recordsPerBody, stretchSeconds, delaySeconds } = manner
    const world = await newWorld({ bus: { partitions } })
    worlds.push(world)
    const player = new Player(world, origin)
    players.push(player)
    const arrival = delayed(seeded(3), delaySeconds)
    const cut = { origin, minutes: MINUTES, stretchSeconds, recordsPerBody, arrival }
    const told = stretches(records, cut)
    const end = Math.ceil((origin + (MINUTES + 1) * 60 * SECOND) / SECOND) * SECOND
    for (const stretch of [...told, ...quietTail(end)]) await player.play(stretch)
    await player.settleAndStop()
    return readStored(world)
  }

  it('gives the same findings and incidents with 1 and 12 partitions, other batches, shuffled in the lateness', async () => {
    const origin = originUs()
    const records = withInterception(storyRecords(MINUTES, origin), origin, INTERCEPTED_FROM)
    const plain = { partitions: 1, recordsPerBody: 400, stretchSeconds: 60, delaySeconds: 0 }
    const expected = await play(records, origin, plain)
    expect(expected.calls.length).toBe(records.length)
    expect(expected.findings.length).toBeGreaterThan(10)
    const detectors = new Set(expected.findings.map((row) => JSON.parse(row).detector))
    expect([...detectors].sort()).toEqual(['denial_spike', 'latency_shift', 'new_path', 'tls_failure'])
    expect(expected.findings.some((row) => JSON.parse(row).kind === 'added_delay')).toBe(true)
    const other = { partitions: 12, recordsPerBody: 23, stretchSeconds: 4, delaySeconds: LATENESS_SECONDS - 1 }
    const actual = await play(records, origin, other)
    expect(actual.calls.length).toBe(records.length)
    for (const table of ['windows', 'paths', 'findings', 'incidents'] as const) {
      expect({ table, ...difference(expected[table], actual[table]) }).toEqual({ table, ...NO_DIFFERENCE })
    }
    expect(hashOf(actual.findings)).toBe(hashOf(expected.findings))
  }, 240_000)
})

function delayed(random: Random, most: number): (record: AccessLog) => number {
  return (record) => endOf(record) + random.next() * most * SECOND
}

function hashOf(rows: readonly string[]): string {
  return createHash('sha256').update(rows.join('\n')).digest('hex')
}
