import { pack } from 'msgpackr'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Call } from '../../core/call.ts'
import { DAY, MINUTE } from '../../core/clock.ts'
import { type Finding, SEVERITIES } from '../../detectors/detector.ts'
import { KeyedState } from '../../detectors/engine/state.ts'
import { latencyShift } from '../../detectors/latency-shift.ts'
import { tlsFailure } from '../../detectors/tls-failure.ts'
import { alone, pairWindow, tally } from './alone.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, identity, normal, START, seeded } from './world.ts'

const DAYS = 14
const PAIR = { sourceIdentity: identity('checkout'), sourceWorkload: 'checkout', sourceNamespace: 'shop' }

const DENIED: Partial<Call> = { status: 403, outcome: 'denied', denialKind: 'rbac', denialPolicy: 'shop/deny-x' }

/** 1 + `depth` at noon, 1 - `depth` at midnight. */
function rhythm(at: number, depth: number): number {
  return 1 + depth * Math.sin((((at - START) % DAY) / DAY - 0.25) * 2 * Math.PI)
}

/** 1, and from the given day on more by `growth` a day. */
function frog(at: number, growth: number, from = 7): number {
  return (1 + growth) ** Math.max(0, (at - START) / DAY - from)
}

/** About 1,400 calls a day of checkout to payment with a daily rhythm, denied with the chance of their time. */
function denials(chance: (at: number) => number, change: Partial<Call> = {}, seed = 5): Call[] {
  const random = seeded(seed)
  const calls: Call[] = []
  for (let at = START; at < START + DAYS * DAY; at += MINUTE / rhythm(at, 0.6)) {
    const end = Math.floor(at)
    const shape = random() < chance(end) ? DENIED : {}
    calls.push(exchange('checkout', 'payment', end, random, { ...shape, ...change })[1]!)
  }
  return calls
}

async function findingsOf(calls: Call[]): Promise<Finding[]> {
  const { findings } = await detect(writeCalls(calls, { blockSeconds: 120 }))
  return findings
}

function loud(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ severity }) => SEVERITIES.indexOf(severity) > 0)
}

function kinds(findings: readonly Finding[]): string[] {
  return [...new Set(findings.map(({ detector, kind, severity }) => `${detector}/${kind} ${severity}`))]
}

describe('slow drift', { timeout: 120_000 }, () => {
  afterEach(() => vi.restoreAllMocks())

  test('denials that grow by half each day are told as a warning of their own, and nothing else is', async () => {
    const told = loud(await findingsOf(denials((at) => 0.01 * frog(at, 0.5))))
    expect(kinds(told)).toEqual(['denial_spike/slow_drift warning'])
    expect(new Set(told.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    const [first] = told
    expect(first!.summary).toMatch(
      /^The share of denials among calls of checkout\.shop to payment\.shop crept up to [\d.]+ % over the last 3 days; \d\.\d % was usual before$/,
    )
    expect(first!.evidence.observed).toBeGreaterThanOrEqual(first!.evidence.detectable!)
    expect(first!.evidence.baselineSamples).toBeGreaterThan(5000)
    expect(first!.evidence.sql).toContain("outcome = 'denied'")
    expect(first!.quietUs).toBeGreaterThan(DAY)
  })

  test('a daily rhythm of load and of denials says nothing above info in 14 days', async () => {
    expect(loud(await findingsOf(denials((at) => 0.02 * rhythm(at, 0.7)))).map(({ summary }) => summary)).toEqual([])
  })

  test('unverified senders can neither hide a drift, nor make one, nor teach the anchor', async () => {
    const creeping = denials((at) => 0.01 * frog(at, 0.5))
    const usual = denials(() => 0.01)
    const claims = [
      ...denials(() => 0, { trust: 'claimed' }, 6),
      ...denials((at) => 0.05 * frog(at, 0.2), { trust: 'claimed' }, 7),
    ]
    const drifts = async (calls: Call[]) =>
      (await findingsOf(calls)).filter(({ kind }) => kind === 'slow_drift').map((finding) => JSON.stringify(finding))
    const expected = await drifts(creeping)
    expect(expected.length).toBeGreaterThan(0)
    expect(await drifts([...creeping, ...claims])).toEqual(expected)
    expect(await drifts([...usual, ...claims])).toEqual([])
  })

  test('handshakes that time out a little more each day are told so', () => {
    const random = seeded(8)
    const judge = alone(tlsFailure)
    const findings: Finding[] = []
    for (let at = START; at < START + DAYS * DAY; at += MINUTE) {
      let failed = 0
      for (let i = 0; i < 3; i += 1) if (random() < 0.005 * frog(at, 0.4)) failed += 1
      const failure = { failure: 'handshake_timeout', rejectedBy: '', reporter: 'destination', count: failed } as const
      const rest = { first: at, last: at, peerIssuer: '', peerSerial: '', peerNotAfter: 0, detail: '', addresses: [] }
      const tls = failed === 0 ? [] : [{ ...failure, ...rest, addressIdentity: PAIR.sourceIdentity }]
      findings.push(...judge([pairWindow(at, PAIR, { tls, tallies: [tally({ connections: 3, mutual: 3 - failed })] })]))
    }
    expect(kinds(loud(findings))).toEqual(['tls_failure/slow_drift warning'])
    expect(loud(findings)[0]!.summary).toContain('The share of failed handshakes among handshakes of checkout.shop')
  })

  /** Minutes in which the gap between both proxies has the given median (microseconds). */
  function gaps(days: number, median: (at: number) => number, seed: number): Finding[] {
    const random = seeded(seed)
    const judge = alone(latencyShift)
    const findings: Finding[] = []
    for (let at = START; at < START + days * DAY; at += MINUTE) {
      const q50 = median(at) + 30 * normal(random)
      const gap = { samples: 40, mean: q50, q10: q50 - 80, q25: q50 - 40, q50, q95: q50 + 200, stepUs: 1 }
      const both = { ...gap, q50: 8000 }
      const latency = { source: both, destination: both, gap, ambiguous: 0 }
      findings.push(...judge([pairWindow(at, PAIR, { latency })]))
    }
    return findings
  }

  test('a gap that grows by a fifth a day is told, although no step of it is', () => {
    const told = gaps(DAYS, (at) => 400 * frog(at, 0.2, 4), 9)
    expect(kinds(told)).toEqual(['latency_shift/slow_drift warning'])
    const { observed, expected, detectable } = told[0]!.evidence
    expect(observed - expected).toBeGreaterThanOrEqual(detectable!)
    expect(observed).toBeGreaterThan(2 * expected)
  })

  test('a gap with a daily rhythm is told as nothing in 14 days', () => {
    expect(gaps(DAYS, (at) => 1200 * rhythm(at, 0.25), 10)).toEqual([])
  })

  test('what is remembered of a pair stays within 1 KiB for each detector', async () => {
    const sizes = new Map<string, number>()
    const pair = KeyedState.prototype.pair
    vi.spyOn(KeyedState.prototype, 'pair').mockImplementation(function (this: KeyedState, owner, key, detector, fresh) {
      const memory = pair.call(this, owner, key, detector, fresh)
      sizes.set(detector, pack(memory).length)
      return memory
    })
    await findingsOf(denials((at) => 0.05 * rhythm(at, 0.7)))
    expect([...sizes.keys()]).toContain('denial_spike')
    for (const [detector, bytes] of sizes) expect({ detector, fits: bytes <= 1024 }).toEqual({ detector, fits: true })
  })
})
