import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAnnotator } from '../../../collector/naming/annotate.ts'
import { Directory, KEPT_MINUTES, LEARNED_FOR_MINUTES } from '../../../collector/naming/directory.ts'
import { joined, type LearnedName, says } from '../../../collector/naming/learned-name.ts'
import { type Call, emptyCall } from '../../../core/call.ts'
import { MINUTE } from '../../../core/clock.ts'
import { annotateBy } from './annotated.ts'
import { undeclaredWorld } from './world.ts'

const WEB = 'cluster.local/ns/shop/sa/web'
const JOB = 'cluster.local/ns/shop/sa/job'
const AT = '10.0.0.11'
const T = 1_000 * MINUTE
const HOLDS = LEARNED_FOR_MINUTES * MINUTE

/** A call over mutual TLS as the callee's proxy reports it. */
function proven(identity: string, at: number, rest: Partial<Call> = {}): Call {
  return {
    ...emptyCall(),
    trust: 'verified',
    tlsState: 'mutual',
    sourceIdentity: identity,
    sourceIdentityOrigin: 'record',
    sourceAddress: AT,
    destinationService: 'cart.shop',
    destinationServiceOrigin: 'record',
    end: at,
    ...rest,
  }
}

function nameless(at: number): Call {
  return proven('', at, { sourceIdentityOrigin: 'none', tlsState: 'unknown' })
}

/** As of a delivery that has become durable. */
function teach(directory: Directory, ...calls: Call[]): void {
  for (const call of calls) directory.learn(call)
  directory.know(directory.take().names)
}

describe('the learned directory', () => {
  it('names an address for ten whole minutes after a proven handshake', () => {
    const directory = new Directory()
    teach(directory, proven(WEB, T))
    expect(directory.identityAt(AT, T + HOLDS - 1)).toBe(WEB)
    expect(directory.identityAt(AT, T + HOLDS)).toBe('')
    expect(directory.identityAt('10.0.0.12', T)).toBe('')
  })

  it('knows nothing of what was not made durable', () => {
    const directory = new Directory()
    directory.learn(proven(WEB, T))
    expect(directory.identityAt(AT, T)).toBe('')
    directory.take()
    expect(directory.take().names).toEqual([])
    expect(directory.identityAt(AT, T)).toBe('')
  })

  it('notes a handshake once a minute, however many there are', () => {
    const directory = new Directory()
    for (let i = 0; i < 100; i += 1) directory.learn(proven(WEB, T + i))
    expect(directory.take().names).toEqual([{ address: AT, identity: WEB, seen: 1000, disputed: 0 }])
    teach(directory, proven(WEB, T))
    directory.learn(proven(WEB, T + MINUTE - 1))
    expect(directory.take().names).toEqual([])
    directory.learn(proven(WEB, T + MINUTE))
    expect(directory.take().names).toHaveLength(1)
  })

  it("a caller's proxy teaches whom it met", () => {
    const directory = new Directory()
    const rest = {
      destinationAddress: '10.0.0.21',
      destinationIdentity: JOB,
      destinationIdentityOrigin: 'record',
    } as const
    teach(directory, proven(WEB, T, { reporter: 'source', ...rest }))
    expect([directory.identityAt('10.0.0.21', T), directory.identityAt(AT, T)]).toEqual([JOB, ''])
  })

  it.each<[string, Partial<Call>]>([
    ['claimed records', { trust: 'claimed' }],
    ['failed handshakes', { tlsFailure: 'unknown_ca' }],
    ['plaintext', { tlsState: 'plaintext' }],
    ['one-sided TLS', { tlsState: 'server' }],
    ['declared names', { sourceIdentityOrigin: 'inventory' }],
    ['texts too long for an address', { sourceAddress: 'x'.repeat(129) }],
    ['texts too long for an identity', { sourceIdentity: 'x'.repeat(1025) }],
  ])('%s teach nothing', (_, rest) => {
    const directory = new Directory()
    directory.learn(proven(WEB, T, rest))
    expect(directory.take().names).toEqual([])
  })

  it('two identities at one address make it unknown until one has been alone for ten minutes', () => {
    const directory = new Directory()
    teach(directory, proven(WEB, T))
    teach(directory, proven(JOB, T + MINUTE))
    expect(directory.identityAt(AT, T + MINUTE)).toBe('')
    const alone = T + HOLDS + MINUTE
    teach(directory, proven(JOB, alone))
    expect(directory.identityAt(AT, alone - 1)).toBe('')
    expect(directory.identityAt(AT, alone)).toBe(JOB)
  })

  it('an address that changes hands after ten minutes is no conflict', () => {
    const directory = new Directory()
    teach(directory, proven(WEB, T))
    teach(directory, proven(JOB, T + HOLDS + MINUTE))
    expect(directory.identityAt(AT, T + HOLDS + MINUTE)).toBe(JOB)
  })

  it('is bounded: what was longest not refreshed goes first', () => {
    const directory = new Directory(2)
    teach(directory, proven(WEB, T, { sourceAddress: 'a' }))
    teach(directory, proven(WEB, T, { sourceAddress: 'b' }))
    teach(directory, proven(WEB, T + 2 * MINUTE, { sourceAddress: 'a' }))
    directory.learn(proven(WEB, T + 2 * MINUTE, { sourceAddress: 'c' }))
    expect(directory.know(directory.take().names).forgotten).toEqual(['b'])
    expect(directory.size).toBe(2)
    expect(['a', 'b', 'c'].map((address) => directory.identityAt(address, T + 2 * MINUTE))).toEqual([WEB, '', WEB])
  })

  it('forgets what is an hour older than the newest, and does not learn it again', () => {
    const directory = new Directory()
    teach(directory, proven(WEB, T, { sourceAddress: 'old' }))
    const later = T + (KEPT_MINUTES + 1) * MINUTE
    directory.learn(proven(WEB, later))
    expect(directory.know(directory.take().names).forgotten).toEqual(['old'])
    directory.learn(proven(WEB, T, { sourceAddress: 'old' }))
    expect(directory.take().names).toEqual([])
    directory.know([{ address: 'old', identity: WEB, seen: T / MINUTE, disputed: 0 }])
    expect(directory.names().map(({ address }) => address)).toEqual([AT])
  })

  it('names only who has no name, and never the destination service', () => {
    const policy = undeclaredWorld()
    const annotator = createAnnotator(() => policy)
    annotateBy(annotator, proven(WEB, T))
    annotator.directory.know(annotator.directory.take().names)
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

describe('news', () => {
  const NEWS_MS = 400
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())
  const directory = () => new Directory(100, NEWS_MS)
  /** What a delivery with these calls tells, which becomes durable. */
  const tells = (one: Directory, ...calls: Call[]): boolean => {
    for (const call of calls) one.learn(call)
    const { names, isNews } = one.take()
    one.know(names)
    return isNews
  }

  it('is a name that was not known, and stays so for others who prove it, until they may know it', () => {
    const one = directory()
    expect(tells(one, nameless(T))).toBe(false)
    expect(tells(one, proven(WEB, T))).toBe(true)
    expect(tells(one, nameless(T))).toBe(false)
    vi.advanceTimersByTime(NEWS_MS)
    expect(tells(one, proven(WEB, T))).toBe(true)
    vi.advanceTimersByTime(1)
    expect(tells(one, proven(WEB, T))).toBe(false)
  })

  it('is what another collector has told a moment ago', () => {
    const one = directory()
    one.know([{ address: AT, identity: WEB, seen: T / MINUTE, disputed: 0 }])
    expect(tells(one, proven(WEB, T, { sourceAddress: '10.0.0.12' }), proven(WEB, T))).toBe(true)
    vi.advanceTimersByTime(NEWS_MS + 1)
    expect(tells(one, proven(WEB, T))).toBe(false)
  })

  it('is no name told again, but for one that was about to lapse', () => {
    const one = directory()
    tells(one, proven(WEB, T))
    vi.advanceTimersByTime(NEWS_MS + 1)
    expect([1, 2, 3, 8, 9].map((minute) => tells(one, proven(WEB, T + minute * MINUTE)))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ])
    vi.advanceTimersByTime(NEWS_MS + 1)
    expect(tells(one, proven(WEB, T + 9 * MINUTE))).toBe(false)
  })

  it('is another name at an address, and the doubt that comes of it', () => {
    const one = directory()
    tells(one, proven(WEB, T))
    vi.advanceTimersByTime(NEWS_MS + 1)
    expect(tells(one, proven(JOB, T))).toBe(true)
  })

  it('is nothing where one collector is alone', () => {
    const one = new Directory()
    tells(one, proven(WEB, T))
    expect(tells(one, proven(WEB, T))).toBe(false)
  })
})

const handshake = fc.record({
  address: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
  identity: fc.constantFrom(WEB, JOB, 'cluster.local/ns/shop/sa/cart'),
  at: fc.integer({ min: 0, max: 40 * 60 }).map((seconds) => T + (seconds * MINUTE) / 60),
})
const handshakes = fc.array(handshake, { maxLength: 60 })

/** Each number of a list says how many handshakes the next delivery proves. */
function learnedBy(seen: readonly { address: string; identity: string; at: number }[], cuts: readonly number[]) {
  const directory = new Directory()
  const rest = [...seen]
  for (const cut of [...cuts, seen.length]) {
    const calls = rest
      .splice(0, cut)
      .map(({ address, identity, at }) => proven(identity, at, { sourceAddress: address }))
    teach(directory, ...calls)
  }
  return directory
}

const byAddress = (directory: Directory) => directory.names().sort((a, b) => (a.address < b.address ? -1 : 1))

describe('what is learned of handshakes', () => {
  it('is the same in any order, in deliveries of any size, told once or again, and after a restart at any moment', () => {
    const ways = handshakes.chain((seen) =>
      fc.record({
        seen: fc.constant(seen),
        shuffled: fc.shuffledSubarray(seen, { minLength: seen.length }),
        again: fc.subarray(seen),
        cuts: fc.array(fc.nat(9), { maxLength: 9 }),
      }),
    )
    fc.assert(
      fc.property(ways, ({ seen, shuffled, again, cuts }) => {
        const expected = byAddress(learnedBy(seen, []))
        expect(byAddress(learnedBy([...shuffled, ...again], cuts))).toEqual(expected)
        const half = Math.floor(seen.length / 2)
        const restarted = new Directory()
        restarted.know(learnedBy(seen.slice(0, half), cuts).names())
        for (const { address, identity, at } of seen.slice(half)) {
          teach(restarted, proven(identity, at, { sourceAddress: address }))
        }
        expect(byAddress(restarted)).toEqual(expected)
      }),
    )
  })

  it('is the last identity of an address, and when another was last seen there', () => {
    fc.assert(
      fc.property(handshakes, (seen) => {
        for (const { address, identity, seen: minute, disputed } of learnedBy(seen, [5]).names()) {
          const here = seen.filter((one) => one.address === address)
          const last = (list: typeof here) => Math.max(0, ...list.map(({ at }) => Math.floor(at / MINUTE)))
          expect(minute).toBe(last(here))
          expect(minute).toBe(last(here.filter((one) => one.identity === identity)))
          expect(disputed).toBe(last(here.filter((one) => one.identity !== identity)))
        }
      }),
    )
  })

  it('joins alike from either side, in any grouping', () => {
    const minute = fc.nat(5)
    const name: fc.Arbitrary<LearnedName> = fc
      .record({ identity: fc.constantFrom('a', 'b', 'c'), seen: minute, disputed: minute })
      .map((known) => ({ address: AT, ...known, disputed: Math.min(known.disputed, known.seen) }))
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(joined(a, b)).toEqual(joined(b, a))
        expect(joined(joined(a, b), c)).toEqual(joined(a, joined(b, c)))
        expect(joined(a, a)).toBe(a)
      }),
    )
  })

  it('passes over a handshake just where it would change nothing', () => {
    const minute = fc.nat(5)
    const identity = fc.constantFrom('a', 'b', 'c')
    fc.assert(
      fc.property(identity, minute, minute, identity, minute, (own, seen, doubt, other, at) => {
        const known = { address: AT, identity: own, seen, disputed: Math.min(doubt, seen) }
        const taught = joined(known, { address: AT, identity: other, seen: at, disputed: 0 })
        expect(says(known, other, at)).toBe(taught === known)
      }),
    )
  })
})
