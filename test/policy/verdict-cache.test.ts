import { describe, expect, it } from 'vitest'
import type { AccessQuery, Verdict } from '../../policy/policy.ts'
import { VerdictCache } from '../../policy/verdict-cache.ts'
import { query } from './world.ts'

const verdict: Verdict = { decision: 'allowed', reason: 'test' }
const newCache = (usesPath = true) => new VerdictCache([({ host }) => host, ({ method }) => method], usesPath)
const find = (cache: VerdictCache, change: Partial<AccessQuery>) =>
  cache.get(cache.kindOf(query(change)), query(change).path)
const keep = (cache: VerdictCache, change: Partial<AccessQuery>) =>
  cache.set(cache.kindOf(query(change)), query(change).path, verdict)

describe('the verdict cache', () => {
  it('finds what it was told, by every attribute', () => {
    const cache = newCache()
    keep(cache, { path: '/a' })
    expect(find(cache, { path: '/a' })).toBe(verdict)
    expect(find(cache, { path: '/b' })).toBeUndefined()
    expect(find(cache, { path: '/a', method: 'PUT' })).toBeUndefined()
    expect(find(cache, { path: '/a', host: 'other' })).toBeUndefined()
  })
  it('has one verdict for all paths where no policy looks at them', () => {
    const cache = newCache(false)
    keep(cache, { path: '/a' })
    expect(find(cache, { path: '/b' })).toBe(verdict)
  })
  it('forgets what was not asked for long, and keeps what is asked again', () => {
    const cache = newCache()
    keep(cache, { path: '/idle' })
    keep(cache, { path: '/busy' })
    for (let i = 0; i < 40_000; i++) {
      keep(cache, { path: `/${i}` })
      if (i % 1000 === 0) expect(find(cache, { path: '/busy' })).toBe(verdict)
    }
    expect(find(cache, { path: '/idle' })).toBeUndefined()
  })
  it('numbers kinds anew after so many, and takes none for another', () => {
    const cache = newCache()
    const first = cache.kindOf(query({ host: '0' }))
    const kinds = new Set([first])
    for (let i = 1; i < 40_000; i++) kinds.add(cache.kindOf(query({ host: String(i) })))
    expect(kinds.size).toBe(40_000)
    expect(kinds.has(cache.kindOf(query({ host: '0' })))).toBe(false)
  })
  it('does not keep very long texts', () => {
    const cache = newCache()
    for (const change of [{ path: 'x'.repeat(1025) }, { host: 'x'.repeat(1025) }]) {
      keep(cache, change)
      expect(find(cache, change)).toBeUndefined()
    }
  })
})
