import { describe, expect, it } from 'vitest'
import { isIn, TimeInterval } from '../../../alerts/routing/intervals.ts'

const us = (text: string) => Date.parse(text) * 1000

describe('time intervals', () => {
  it.each<[string, object, string, boolean]>([
    ['office hours on a Friday', { days: ['fri'], from: '09:00', until: '17:00' }, '2026-11-27T09:00:00Z', true],
    ['their end', { days: ['fri'], from: '09:00', until: '17:00' }, '2026-11-27T17:00:00Z', false],
    ['another day', { days: ['fri'], from: '09:00', until: '17:00' }, '2026-11-28T10:00:00Z', false],
    ['a night that began on Friday', { days: ['fri'], from: '22:00', until: '06:00' }, '2026-11-28T05:59:59Z', true],
    ['the night before it', { days: ['fri'], from: '22:00', until: '06:00' }, '2026-11-27T05:00:00Z', false],
    ['a whole day', { days: ['sun'] }, '2026-11-29T23:59:59Z', true],
    ['Monday after a night of Sunday', { days: ['sun'], from: '23:00', until: '01:00' }, '2026-11-30T00:30:00Z', true],
    ['a time zone', { from: '09:00', until: '17:00', timeZone: 'Asia/Tokyo' }, '2026-11-27T01:00:00Z', true],
    ['its day', { days: ['sat'], timeZone: 'Asia/Tokyo' }, '2026-11-27T16:00:00Z', true],
    ['summer time', { from: '09:00', until: '10:00', timeZone: 'Europe/Paris' }, '2026-07-01T07:30:00Z', true],
    ['winter time', { from: '09:00', until: '10:00', timeZone: 'Europe/Paris' }, '2026-12-01T08:30:00Z', true],
  ])('%s', (_, interval, time, expected) => {
    expect(isIn(TimeInterval.parse({ name: 'n', ...interval }), us(time))).toBe(expected)
  })

  it.each([
    [{ from: '25:00' }, 'written as 09:00'],
    [{ from: '9:00' }, 'written as 09:00'],
    [{ timeZone: 'Mars/Olympus' }, 'not a time zone'],
    [{ days: ['friday'] }, 'Invalid option'],
    [{ name: 'a b' }, 'letters, digits'],
  ])('%j is refused', (wrong, why) => {
    expect(() => TimeInterval.parse({ name: 'n', ...wrong })).toThrow(why)
  })
})
