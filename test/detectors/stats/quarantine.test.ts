import { describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../../core/clock.ts'
import { freshQuarantine, observe } from '../../../detectors/stats/quarantine.ts'

const CAPS = { known: 3, waiting: 4 }
const T = 100 * DAY

describe('the quarantine', () => {
  test('learns what was called three times in two hours, a day after it was first seen', () => {
    const quarantine = freshQuarantine()
    expect(observe(quarantine, 1, T, 1, CAPS)).toBe('new')
    expect(observe(quarantine, 1, T + MINUTE, 1, CAPS)).toBe('waiting')
    expect(observe(quarantine, 1, T + 2 * HOUR, 1, CAPS)).toBe('waiting')
    expect(observe(quarantine, 1, T + DAY, 1, CAPS)).toBe('known')
    expect(observe(quarantine, 1, T + 30 * DAY, 1, CAPS)).toBe('known')
  })

  test('does not learn a burst within one hour, however many calls it has', () => {
    const quarantine = freshQuarantine()
    for (let i = 0; i < 100; i += 1) observe(quarantine, 1, T + i * 1000, 1, CAPS)
    expect(quarantine.known).toEqual([])
    expect(quarantine.waiting[0]).toEqual([1, T, T + 99_000, 100, 1])
  })

  test('takes what was called too seldom for new again, days later', () => {
    const quarantine = freshQuarantine()
    observe(quarantine, 1, T, 1, CAPS)
    expect(observe(quarantine, 1, T + 2 * DAY, 1, CAPS)).toBe('new')
  })

  test('says when it has no room, and stays within its bounds', () => {
    const quarantine = freshQuarantine()
    quarantine.known = [7, 8, 9]
    expect(observe(quarantine, 1, T, 1, CAPS)).toBe('full')
    const flooded = freshQuarantine()
    for (let i = 0; i < 100; i += 1) observe(flooded, i, T + i, 1, CAPS)
    expect(flooded.waiting.length).toBe(4)
  })
})
