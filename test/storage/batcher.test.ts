import { describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { BATCH_LIMITS, Batcher } from '../../storage/batcher.ts'
import { SINKS } from '../../storage/sinks/registry.ts'

const START = 1_700_000_000 * SECOND
const { maxRows, maxBytes, patienceUs } = BATCH_LIMITS

/** Seconds after the start at which the batch is cut, with ticks so many seconds apart. */
function cutAfter(batcher: Batcher, every: number): number {
  for (let second = every; ; second += every) if (batcher.tick(START + second * SECOND)) return second
}

describe('a batch', () => {
  it('is cut where it is full, by rows or by bytes', () => {
    for (const [rows, bytes] of [
      [maxRows, 1],
      [1, maxBytes],
    ] as const) {
      expect(new Batcher(START).add(rows - 1, bytes - 1)).toBe(false)
      expect(new Batcher(START).add(rows, bytes)).toBe(true)
    }
  })

  it('is cut once its first record has waited in log time, whether ticks come each second or with windows', () => {
    for (const [every, expected] of [
      [1, patienceUs / SECOND],
      [10, 10],
    ] as const) {
      const batcher = new Batcher(START - MINUTE)
      batcher.tick(START)
      batcher.add(1, 1)
      expect(cutAfter(batcher, every)).toBe(expected)
      batcher.cut()
      expect(batcher.tick(START + expected * SECOND)).toBe(false)
    }
  })

  it('without a record is cut once a minute, so that progress is kept', () => {
    expect(cutAfter(new Batcher(START), 1)).toBe(60)
    expect(cutAfter(new Batcher(START), 10)).toBe(60)
  })

  it('of no sink waits for longer than one without a record does', () => {
    for (const { limits = BATCH_LIMITS } of SINKS) expect(limits.patienceUs).toBeLessThanOrEqual(MINUTE)
  })
})
