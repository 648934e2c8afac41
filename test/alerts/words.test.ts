import { expect, it } from 'vitest'
import { counted, expectation, lasted, measured, moment } from '../../alerts/words.ts'

const SECOND = 1_000_000

it.each([
  [0, 'calls', '0 calls'],
  [1, 'calls', '1 call'],
  [1, 'handshakes', '1 handshake'],
  [2, 'calls', '2 calls'],
  [1_200_094, 'records', '1,200,094 records'],
])('%d %s is written %j', (count, plural, text) => {
  expect(counted(count, plural)).toBe(text)
})

it('values stand in the unit people think in', () => {
  expect(measured(6434, 'microseconds')).toBe('6.434 ms')
  expect(measured(1, 'denials')).toBe('1 denial')
  expect(measured(8.25, 'surprise (-log10 P)')).toBe('8.25 surprise (-log10 P)')
})

it('an expectation near nothing is not told to seven digits', () => {
  expect([0, 0.000_136, 0.5, 427.7].map((value) => expectation(value, 'denials'))).toEqual([
    'none',
    'fewer than 0.01',
    '0.5',
    '427.7',
  ])
  expect(expectation(427.7, 'microseconds')).toBe('0.4277 ms')
})

it.each([
  [0, '0 seconds'],
  [SECOND, '1 second'],
  [90 * SECOND, '90 seconds'],
  [150 * SECOND, '3 minutes'],
  [3 * 3600 * SECOND, '3 hours'],
  [72 * 3600 * SECOND, '3 days'],
])('%d microseconds last %s', (us, text) => {
  expect(lasted(us)).toBe(text)
})

it('a moment is UTC, to the second', () => {
  expect(moment(1_800_000_000_123_456)).toBe('2027-01-15 08:00:00 UTC')
})
