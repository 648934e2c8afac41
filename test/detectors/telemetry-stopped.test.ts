import { describe, expect, test } from 'vitest'
import type { Call } from '../../core/call.ts'
import { HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import type { Finding } from '../../detectors/detector.ts'
import { destinationStopped } from '../../detectors/telemetry-stopped.ts'
import { WINDOW_US } from '../../detectors/window.ts'
import { alone, pairWindow, tally } from './alone.ts'
import { detect, findingsHash, type LogOptions, writeCalls } from './harness.ts'
import { exchange, identity, START, seeded } from './world.ts'

/** Reports stop here; both ends were known for a day and an hour and a half without a break. */
const AT = START + 26 * HOUR
const FROM = AT - 90 * MINUTE

interface Shape {
  callers?: string[]
  everyUs?: number
  from?: number
  untilUs?: number
  /** True for what nobody reports. */
  lost?: (call: Call) => boolean
  change?: (call: Call) => Partial<Call>
}

function life({
  callers = ['a', 'b'],
  everyUs = 2 * SECOND,
  from = FROM,
  untilUs = 15 * MINUTE,
  ...shape
}: Shape): Call[] {
  const { lost = () => false, change = () => ({}) } = shape
  const random = seeded(5)
  const calls = callers.flatMap((caller) => exchange(caller, 'cart', START, random))
  for (let at = from; at < AT + untilUs; at += everyUs) {
    for (const caller of callers) calls.push(...exchange(caller, 'cart', at + Math.floor(random() * SECOND), random))
  }
  return calls.filter((call) => !lost(call)).map((call) => ({ ...call, ...change(call) }))
}

const by =
  (reporter: string, caller = '') =>
  (call: Call) =>
    call.reporter === reporter && (caller === '' || call.sourceWorkload === caller)
/** Nobody has these records from `AT` on, for so long. */
const stops =
  (which: (call: Call) => boolean, forUs = HOUR) =>
  (call: Call) =>
    call.end >= AT && call.end < AT + forUs && which(call)

async function found(calls: Call[], options: LogOptions = {}): Promise<Finding[]> {
  const { findings } = await detect(writeCalls(calls, { blockSeconds: 10, ...options }))
  return findings.filter(({ detector }) => detector === 'telemetry_stopped')
}

describe('a destination whose proxy no longer reports', () => {
  test('is told in two minutes while its callers report that it answers: once, high, with what should have come', async () => {
    const findings = await found(life({ lost: stops(by('destination')) }))
    const [first] = findings
    expect(first).toMatchObject({ kind: 'destination_silent', severity: 'high', technique: 'T1562' })
    expect(first!.key).toMatchObject({ destinationService: 'cart.shop', sourceIdentity: '' })
    expect(first!.windowEnd - AT).toBe(2 * MINUTE)
    expect(first!.evidence).toMatchObject({ observed: 0, unit: 'reports', firstSeen: AT })
    expect(first!.evidence.expected).toBeGreaterThan(110)
    expect(first!.evidence.expected).toBeLessThanOrEqual(120)
    expect(first!.evidence.baselineSamples).toBeGreaterThan(3000)
    expect(first!.evidence.facts).toMatchObject({
      callers: 2,
      silent_windows: 12,
      last_report: '2026-01-06 02:00:00 UTC',
    })
    expect(first!.evidence.examples.length).toBeGreaterThan(0)
    expect(first!.evidence.sql).toContain('FROM eastwatch.calls')
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(findings.length).toBeLessThan(8)
  })

  test('is over when it reports again: nothing more is told', async () => {
    const findings = await found(life({ lost: stops(by('destination'), 5 * MINUTE) }))
    expect(findings.length).toBeGreaterThan(0)
    for (const { windowEnd } of findings) expect(windowEnd).toBeLessThanOrEqual(AT + 5 * MINUTE)
  })

  test('warns only, in the first day', async () => {
    const findings = await found(life({ lost: stops(by('destination')) }).filter(({ end }) => end >= FROM))
    expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['warning']))
  })

  test('unverified reports do not hide it, and are told of', async () => {
    const forged = (call: Call): Partial<Call> => (stops(by('destination'))(call) ? { trust: 'claimed' } : {})
    const findings = await found(life({ change: forged }))
    expect(findings[0]).toMatchObject({ kind: 'destination_silent', severity: 'high' })
    expect(findings[0]!.evidence.blind).toContain('a sender that does not prove who it is')
  })

  test.each<[string, Shape]>([
    [
      'a minute and a half without reports, as when an agent is replaced',
      { lost: stops(by('destination'), 90 * SECOND) },
    ],
    ['nobody calls it any more', { lost: stops(() => true) }],
    [
      'callers report failures only',
      { change: (call) => (stops(by('source'))(call) ? FAILED : {}), lost: stops(by('destination')) },
    ],
    [
      'only unverified callers say that it answers',
      { change: (call) => (stops(by('source'))(call) ? { trust: 'claimed' } : {}), lost: stops(by('destination')) },
    ],
    ['it goes on with failures', { change: (call) => (stops(by('destination'))(call) ? FAILED : {}) }],
    ['it never reported', { lost: by('destination') }],
    [
      'it only ever reported failures, and now has none',
      { change: (call) => (by('destination')(call) && call.end < AT ? FAILED : {}), lost: stops(by('destination')) },
    ],
    [
      'unverified reports are all it ever had',
      { change: (call) => (by('destination')(call) ? { trust: 'claimed' } : {}), lost: stops(by('destination')) },
    ],
    ['it was known for nine minutes', { from: AT - 9 * MINUTE, lost: stops(by('destination')) }],
    [
      'calls of one caller are not logged, and the other falls silent',
      {
        lost: (call) =>
          by('destination', 'a')(call) || stops(by('source', 'b'))(call) || stops(by('destination', 'b'))(call),
      },
    ],
    [
      'one call a minute, for a quarter of an hour',
      { everyUs: MINUTE, callers: ['a'], from: AT - 24 * HOUR, lost: stops(by('destination')) },
    ],
  ])(
    'is not told of where %s',
    async (_, shape) => {
      expect(await found(life(shape))).toEqual([])
    },
    20_000,
  )

  test('one in twenty calls sampled is no silence, and that stopping is', async () => {
    const random = seeded(9)
    const kept = new Map<string, boolean>()
    const sampled = ({ requestId }: Call) => {
      if (!kept.has(requestId)) kept.set(requestId, random() < 0.05)
      return kept.get(requestId)!
    }
    const lost = (call: Call) => by('destination')(call) && !sampled(call)
    const shape = { everyUs: SECOND }
    expect(await found(life({ ...shape, lost }))).toEqual([])
    const [first] = await found(life({ ...shape, lost: (call) => lost(call) || stops(by('destination'))(call) }))
    expect(first!.evidence.expected).toBeGreaterThanOrEqual(20)
    expect(first!.evidence.expected).toBeLessThan(22)
    expect(first!.windowEnd - AT).toBeGreaterThan(3 * MINUTE)
  })

  test('a proxy whose reports come in bursts has to be silent three times as long as ever before', async () => {
    const bursts = (call: Call) => by('destination')(call) && call.end % (3 * MINUTE) > 80 * SECOND
    const [first] = await found(life({ lost: (call) => bursts(call) || stops(by('destination'))(call) }))
    expect(first!.windowEnd - first!.evidence.firstSeen).toBeGreaterThanOrEqual(4 * MINUTE)
    expect(await found(life({ lost: bursts }))).toEqual([])
  })

  test.each([2, 5])('reports that come 100 seconds late, of a call each %i s, are no silence', async (seconds) => {
    const late = stops(by('destination'))
    const calls = life({ callers: ['a'], everyUs: seconds * SECOND })
    expect(await found(calls, { arrival: (call) => call.end + (late(call) ? 100 * SECOND : 0) })).toEqual([])
  })
})

describe('a source whose proxy no longer reports', () => {
  test('is told while destinations report calls with its certificate', async () => {
    const findings = await found(life({ lost: stops(by('source', 'a')) }))
    expect(findings[0]).toMatchObject({ kind: 'source_silent', severity: 'high' })
    expect(findings[0]!.key).toMatchObject({ sourceWorkload: 'a', destinationService: '' })
    expect(findings[0]!.windowEnd - AT).toBe(2 * MINUTE)
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  })

  test.each<[string, Shape]>([
    [
      'destinations know it by its address only',
      { lost: stops(by('source', 'a')), change: (call) => (by('destination')(call) ? { tlsState: 'plaintext' } : {}) },
    ],
    [
      'only unverified destinations say that it calls',
      {
        lost: stops(by('source', 'a')),
        change: (call) => (stops(by('destination'))(call) ? { trust: 'claimed' } : {}),
      },
    ],
    ['it stands still', { lost: stops(({ sourceWorkload }) => sourceWorkload === 'a') }],
    ['it never reported', { lost: by('source', 'a') }],
  ])('is not told of where %s', async (_, shape) => {
    const kinds = (await found(life(shape))).map(({ kind }) => kind)
    expect(kinds).not.toContain('source_silent')
  })
})

test('the same is told for 1 and 12 partitions, small batches and restarts', async () => {
  const lost = (call: Call) => stops(by('destination'))(call) || stops(by('source', 'b'))(call)
  const calls = [...life({ lost }), ...life({ callers: ['cart'], lost: stops(by('source')) })]
  const random = seeded(3)
  const hashes: string[] = []
  for (const [partitions, options] of [
    [1, {}],
    [12, { batch: () => 1 + Math.floor(random() * 50), crash: () => random() < 0.02 }],
  ] as const) {
    const run = await detect(writeCalls(calls, { blockSeconds: 10, partitions }), options)
    expect(run.findings.filter(({ detector }) => detector === 'telemetry_stopped').length).toBeGreaterThan(0)
    hashes.push(findingsHash(run.findings))
  }
  expect(hashes[1]).toBe(hashes[0])
})

test('windows of which telemetry is missing teach nothing and raise nothing', () => {
  const run = (incomplete: (i: number) => boolean) => {
    const step = alone(destinationStopped)
    return Array.from({ length: 100 }, (_, i) => {
      const tallies = [tally({ reporter: 'source', outcomes: ANSWERED }), tally({ outcomes: ANSWERED })]
      const pair = { sourceIdentity: identity('a') }
      const change = { tallies: i < 70 ? tallies : tallies.slice(0, 1), incomplete: incomplete(i) }
      return step([pairWindow(START + i * WINDOW_US, pair, change)])
    }).flat()
  }
  expect(run(() => false).length).toBeGreaterThan(0)
  expect(run((i) => i < 20)).toEqual([])
  expect(run((i) => i >= 70 && i % 3 > 0)).toEqual([])
})

test('telemetry of both ends that stops for an hour, by the collector, is nobody who fell silent', async () => {
  expect(await found(life({ untilUs: 2 * HOUR, lost: stops(() => true) }))).toEqual([])
})

const ANSWERED = [5, 0, 0, 0, 0, 0]
const FAILED: Partial<Call> = { outcome: 'server_error', status: 503 }
