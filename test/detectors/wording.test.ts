import { describe, expect, test } from 'vitest'
import { sourceName } from '../../detectors/finding.ts'
import { OTHER } from '../../detectors/window.ts'
import { counted, listed } from '../../detectors/wording.ts'

describe('what a person reads', () => {
  test('one thing is one, none and many are many', () => {
    expect([0, 1, 2, 1200].map((n) => counted(n, 'call'))).toEqual(['0 calls', '1 call', '2 calls', '1,200 calls'])
    expect([1, 3].map((n) => counted(n, 'reply', 'replies'))).toEqual(['1 reply', '3 replies'])
  })

  test('a long list says how many it leaves out', () => {
    expect(listed(['a', 'b'], 2)).toBe('a, b')
    expect(listed(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more')
  })

  test('callers that have no place of their own are named in words', () => {
    const other = { sourceIdentity: OTHER, sourceWorkload: '', sourceNamespace: '', sourceAddress: '' }
    expect(sourceName(other)).toBe('one of many further callers')
  })
})
