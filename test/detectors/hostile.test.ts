import { describe, expect, test } from 'vitest'
import type { Call } from '../../core/call.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import { detect, writeCalls } from './harness.ts'
import { ATTACKS, exchange, ordinary, START, seeded } from './world.ts'

const NOON = START + 12 * HOUR
const AT = NOON + 2 * HOUR

/** The same calls as an unverified sender would tell them. */
function claimed(calls: Call[]): Call[] {
  return calls.map((call) => ({ ...call, trust: 'claimed' as const, sender: 'mallory' }))
}

function many(count: number, from: number, make: (i: number, random: () => number) => Call[]): Call[] {
  const random = seeded(count)
  return Array.from({ length: count }, (_, i) => make(i, random))
    .flat()
    .map((call, i) => ({ ...call, end: from + i * 1000 }))
}

async function loud(calls: Call[], config = {}) {
  const run = await detect(writeCalls(calls, { blockSeconds: 10 }), { config })
  return { run, kinds: run.findings.filter(({ severity }) => severity !== 'info') }
}

describe('a hostile sender', { timeout: 120_000 }, () => {
  const life = ordinary({ from: NOON, durationUs: 3 * HOUR, seed: 31 })

  test('cannot dilute a rate: thousands of claimed good calls change no finding', async () => {
    const attacked = [...life, ...ATTACKS.denialBurst(AT)]
    const noise = claimed(many(20_000, AT - MINUTE, (_, random) => exchange('frontend', 'auth', AT, random)))
    const before = await loud(attacked)
    const after = await loud([...attacked, ...noise])
    expect(before.kinds.length).toBeGreaterThan(0)
    expect(after.kinds.map(({ id, evidence }) => [id, evidence.observed, evidence.p])).toEqual(
      before.kinds.map(({ id, evidence }) => [id, evidence.observed, evidence.p]),
    )
  })

  test('cannot teach a path in: claimed calls for days leave it new', async () => {
    const lessons = claimed(
      Array.from({ length: 60 }, (_, i) =>
        exchange('ads', 'ledger', START + i * HOUR, seeded(i), { decision: 'unknown' }),
      ).flat(),
    )
    const random = seeded(1)
    const steady: Call[] = []
    for (let at = START; at < START + 3 * DAY; at += 10 * MINUTE) steady.push(...exchange('ads', 'catalog', at, random))
    const real = exchange('ads', 'ledger', START + 2.6 * DAY, random, { decision: 'unknown' })
    const { run } = await loud([...steady, ...lessons, ...real])
    expect(run.findings.filter(({ kind }) => kind === 'new_pair').length).toBe(1)
  })

  test("cannot forge a destination's ok over a verified denial", async () => {
    const forged = claimed(ATTACKS.denialBurst(AT).filter(({ reporter }) => reporter === 'destination')).map(
      (call) => ({
        ...call,
        outcome: 'ok' as const,
        denialKind: '' as const,
        denialPolicy: '',
        status: 200,
      }),
    )
    const { kinds } = await loud([...life, ...ATTACKS.denialBurst(AT), ...forged])
    expect(kinds.map(({ kind }) => kind)).toContain('rate')
  })

  test('cannot page anybody by itself, whatever it claims', async () => {
    const claims = claimed([
      ...ATTACKS.denialBurst(AT),
      ...ATTACKS.scan(AT),
      ...ATTACKS.impostor(AT),
      ...ATTACKS.outsideGraph(AT),
      ...ATTACKS.stolen(AT),
    ])
    const { run, kinds } = await loud([...life, ...claims])
    expect(kinds).toEqual([])
    expect(run.findings.filter(({ kind }) => kind.startsWith('claimed')).length).toBeGreaterThan(3)
  })

  test('with endless identities takes no known pair its place: memory is bounded and the attack is found', async () => {
    const config = { maxPairsPerDestination: 50, maxPairsPerPartition: 1000 }
    const late = START + 26 * HOUR
    const flood = many(4000, late, (i, random) => [
      exchange('frontend', 'auth', late, random, { sourceIdentity: `cluster.local/ns/x/sa/bot-${i}` })[1]!,
    ])
    const calls = [
      ...ordinary({ from: START, durationUs: 27 * HOUR, seed: 5 }),
      ...flood,
      ...ATTACKS.denialBurst(late + 30 * MINUTE),
    ]
    const { run, kinds } = await loud(calls, config)
    expect(Math.max(...countPairs(run.windows).values())).toBeLessThanOrEqual(50 + 2)
    expect(kinds.some(({ kind, key }) => kind === 'rate' && key.sourceIdentity.endsWith('/frontend'))).toBe(true)
  })

  test('with times far ahead of the log opens no window', async () => {
    const ahead = exchange('frontend', 'auth', AT + DAY, seeded(1))
    const log = writeCalls([...life, ...ahead], {
      blockSeconds: 10,
      arrival: (call) => Math.min(call.end, AT + 5 * SECOND),
    })
    const run = await detect(log)
    expect(run.counts.ahead).toBeGreaterThan(0)
    expect(Math.max(...run.windows.map(({ end }) => end))).toBeLessThan(AT + DAY)
  })
})

function countPairs(windows: readonly { start: number; pair: { destinationService: string } }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { start, pair } of windows) {
    const key = `${start} ${pair.destinationService}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}
