import { describe, expect, test } from 'vitest'
import { SECOND } from '../../../core/clock.ts'
import { encodeTick } from '../../../core/tick.ts'
import { detect, writeCalls } from '../harness.ts'
import { exchange, START, seeded } from '../world.ts'

describe('the engine tells of its input', () => {
  test('a collector whose clock is a minute off the other two is named, once in ten minutes', async () => {
    const ticks = Array.from({ length: 120 }, (_, i) =>
      ['a', 'b', 'c'].map((producer) => {
        const off = producer === 'c' ? 60 * SECOND : 0
        return encodeTick({ producer, seq: i + 1, time: START + (i + 30) * SECOND + off, leave: false })
      }),
    ).flat()
    const { findings } = await detect([ticks])
    const ids = new Set(findings.map(({ id }) => id))
    expect(ids.size).toBe(1)
    expect(findings.length).toBe(1)
    expect(findings[0]).toMatchObject({ detector: 'pipeline', kind: 'collector_clock_off', severity: 'warning' })
    expect(findings[0]!.summary).toContain('collector c')
  })

  test('more pairs than can be remembered are told of', async () => {
    const random = seeded(1)
    const calls = Array.from({ length: 1500 }, (_, i) =>
      exchange('a', `service-${i}`, START + i * 50_000, random),
    ).flat()
    const run = await detect(writeCalls(calls), { config: { maxPairsPerPartition: 1000 } })
    expect(run.counts.evicted).toBeGreaterThan(0)
    expect(run.findings.some(({ kind }) => kind === 'pairs_forgotten')).toBe(true)
  })
})
