import { describe, expect, it } from 'vitest'
import { createAnnotator } from '../../../collector/naming/annotate.ts'
import { Directory, LEARNED_FOR_US } from '../../../collector/naming/directory.ts'
import { type Call, emptyCall } from '../../../core/call.ts'
import { MINUTE } from '../../../core/clock.ts'
import { annotateBy } from './annotated.ts'
import { undeclaredWorld } from './world.ts'

const WEB = 'cluster.local/ns/shop/sa/web'
const JOB = 'cluster.local/ns/shop/sa/job'
const T = 1_000 * MINUTE

/** A call over mutual TLS as the callee's proxy reports it. */
function proven(identity: string, at: number, rest: Partial<Call> = {}): Call {
  return {
    ...emptyCall(),
    trust: 'verified',
    tlsState: 'mutual',
    sourceIdentity: identity,
    sourceIdentityOrigin: 'record',
    sourceAddress: '10.0.0.11',
    destinationService: 'cart.shop',
    destinationServiceOrigin: 'record',
    end: at,
    ...rest,
  }
}

function nameless(at: number): Call {
  return proven('', at, { sourceIdentityOrigin: 'none', tlsState: 'unknown' })
}

describe('the learned directory', () => {
  it('names an address for ten minutes after a proven handshake', () => {
    const directory = new Directory()
    directory.learn(proven(WEB, T))
    expect(directory.identityAt('10.0.0.11', T + LEARNED_FOR_US)).toBe(WEB)
    expect(directory.identityAt('10.0.0.11', T + LEARNED_FOR_US + 1)).toBe('')
    expect(directory.identityAt('10.0.0.12', T)).toBe('')
  })

  it("a caller's proxy teaches whom it met", () => {
    const directory = new Directory()
    const rest = {
      destinationAddress: '10.0.0.21',
      destinationIdentity: JOB,
      destinationIdentityOrigin: 'record',
    } as const
    directory.learn(proven(WEB, T, { reporter: 'source', ...rest }))
    expect([directory.identityAt('10.0.0.21', T), directory.identityAt('10.0.0.11', T)]).toEqual([JOB, ''])
  })

  it.each<[string, Partial<Call>]>([
    ['claimed records', { trust: 'claimed' }],
    ['failed handshakes', { tlsFailure: 'unknown_ca' }],
    ['plaintext', { tlsState: 'plaintext' }],
    ['one-sided TLS', { tlsState: 'server' }],
    ['declared names', { sourceIdentityOrigin: 'inventory' }],
  ])('%s teach nothing', (_, rest) => {
    const directory = new Directory()
    directory.learn(proven(WEB, T, rest))
    expect(directory.size).toBe(0)
  })

  it('two identities at one address make it unknown until one has been alone for ten minutes', () => {
    const directory = new Directory()
    directory.learn(proven(WEB, T))
    directory.learn(proven(JOB, T + MINUTE))
    expect(directory.identityAt('10.0.0.11', T + MINUTE)).toBe('')
    directory.learn(proven(JOB, T + MINUTE + LEARNED_FOR_US + 1))
    expect(directory.identityAt('10.0.0.11', T + MINUTE + LEARNED_FOR_US + 1)).toBe(JOB)
  })

  it('an address that changes hands after ten minutes is no conflict', () => {
    const directory = new Directory()
    directory.learn(proven(WEB, T))
    directory.learn(proven(JOB, T + LEARNED_FOR_US + 1))
    expect(directory.identityAt('10.0.0.11', T + LEARNED_FOR_US + 1)).toBe(JOB)
  })

  it('is bounded: what was longest not refreshed goes first', () => {
    const directory = new Directory(2)
    directory.learn(proven(WEB, T, { sourceAddress: 'a' }))
    directory.learn(proven(WEB, T, { sourceAddress: 'b' }))
    directory.learn(proven(WEB, T + 2 * MINUTE, { sourceAddress: 'a' }))
    directory.learn(proven(WEB, T + 2 * MINUTE, { sourceAddress: 'c' }))
    expect(directory.size).toBe(2)
    expect(['a', 'b', 'c'].map((address) => directory.identityAt(address, T + 2 * MINUTE))).toEqual([WEB, '', WEB])
  })

  it('names only who has no name, and never the destination service', () => {
    const policy = undeclaredWorld()
    const annotator = createAnnotator(() => policy)
    annotateBy(annotator, proven(WEB, T))
    const later = { ...nameless(T + 1), destinationService: '10.0.0.21:80', destinationServiceOrigin: 'none' } as Call
    annotateBy(annotator, later)
    expect(later).toMatchObject({
      sourceIdentity: WEB,
      sourceIdentityOrigin: 'learned',
      destinationService: '10.0.0.21:80',
      destinationServiceOrigin: 'none',
      decision: 'unknown',
    })
  })
})
