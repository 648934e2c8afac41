import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../policy/policy.ts'
import { VerdictCache } from '../../policy/verdict-cache.ts'
import { query } from './world.ts'

const verdict: Verdict = { decision: 'allowed', reason: 'test' }
const cacheOfPaths = () => new VerdictCache([({ method }) => method, ({ path }) => path])

describe('the verdict cache', () => {
  it('finds what it was told, by every attribute', () => {
    const cache = cacheOfPaths()
    cache.set(query({ path: '/a' }), verdict)
    expect(cache.get(query({ path: '/a' }))).toBe(verdict)
    expect(cache.get(query({ path: '/b' }))).toBeUndefined()
    expect(cache.get(query({ path: '/a', method: 'PUT' }))).toBeUndefined()
  })
  it('forgets what was not asked for long, and keeps what is asked again', () => {
    const cache = cacheOfPaths()
    cache.set(query({ path: '/idle' }), verdict)
    cache.set(query({ path: '/busy' }), verdict)
    for (let i = 0; i < 40_000; i++) {
      cache.set(query({ path: `/${i}` }), verdict)
      if (i % 1000 === 0) expect(cache.get(query({ path: '/busy' }))).toBe(verdict)
    }
    expect(cache.get(query({ path: '/idle' }))).toBeUndefined()
  })
  it('does not keep very long texts', () => {
    const cache = cacheOfPaths()
    cache.set(query({ path: 'x'.repeat(1025) }), verdict)
    expect(cache.get(query({ path: 'x'.repeat(1025) }))).toBeUndefined()
  })
})
