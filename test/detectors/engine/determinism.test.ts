import { describe, expect, test } from 'vitest'
import type { Call } from '../../../core/call.ts'
import { HOUR, MINUTE, SECOND } from '../../../core/clock.ts'
import { detect, type Run, writeCalls } from '../harness.ts'
import { ATTACKS, intercept, ordinary, START, seeded } from '../world.ts'

const SPAN = 3 * HOUR
const NOON = START + 12 * HOUR

function story(): Call[] {
  const life = ordinary({ from: NOON, durationUs: SPAN, seed: 21 })
  return [
    ...intercept(life, 'frontend', 'cart', NOON + SPAN - 20 * MINUTE, 8000),
    ...ATTACKS.denialBurst(NOON + SPAN - 50 * MINUTE),
    ...ATTACKS.scan(NOON + SPAN - 45 * MINUTE),
    ...ATTACKS.impostor(NOON + SPAN - 40 * MINUTE),
    ...ATTACKS.expired(NOON + SPAN - 38 * MINUTE),
    ...ATTACKS.outsideGraph(NOON + SPAN - 35 * MINUTE),
    ...ATTACKS.stolen(NOON + SPAN - 33 * MINUTE),
  ]
}

describe('the same calls give the same findings', { timeout: 120_000 }, async () => {
  const calls = story()
  const plain = await detect(writeCalls(calls, { blockSeconds: 5 }))
  const same = (run: Run) => {
    expect(run.findings.length).toBe(plain.findings.length)
    expect(run.hash).toBe(plain.hash)
  }

  test('and there are findings of every kind to compare', () => {
    const detectors = new Set(plain.findings.map(({ detector }) => detector))
    expect([...detectors].sort()).toEqual(['denial_spike', 'latency_shift', 'new_path', 'tls_failure'])
  })

  test('for twelve partitions', async () => {
    same(await detect(writeCalls(calls, { partitions: 12, blockSeconds: 5 })))
  })

  test.each([1, 7, 1_000_000])('for batches of %d records', async (size) => {
    same(await detect(writeCalls(calls, { blockSeconds: 5 }), { batch: () => size }))
  })

  test('for any arrival within the lateness, and other blocks', async () => {
    const random = seeded(5)
    const shuffled = writeCalls(calls, {
      partitions: 3,
      blockSeconds: 2,
      arrival: ({ end }) => end + random() * 9 * SECOND,
    })
    const run = await detect(shuffled)
    expect(run.counts.late).toBe(0)
    same(run)
  })

  test('for restarts at random points, with batches of random size', async () => {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed)
      same(
        await detect(writeCalls(calls, { partitions: 2, blockSeconds: 5 }), {
          batch: () => 1 + Math.floor(random() * 40),
          crash: () => random() < 0.05,
        }),
      )
    }
  })

  test('for deliveries that come twice', async () => {
    const log = writeCalls(calls, { blockSeconds: 5 })
    const doubled = log.map((own) => own.flatMap((value, i) => (i % 3 === 0 ? [value, value] : [value])))
    const run = await detect(doubled)
    expect(run.counts.duplicates).toBeGreaterThan(100)
    same(run)
  })
})
