import { describe, expect, test } from 'vitest'
import type { Call } from '../../core/call.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, START, seeded } from './world.ts'

/** Calls of checkout to payment, one every `everyUs`. */
function steady(from: number, until: number, everyUs: number, change: Partial<Call> = {}): Call[] {
  const random = seeded(1)
  const calls: Call[] = []
  for (let at = from; at < until; at += everyUs) calls.push(...exchange('checkout', 'payment', at, random, change))
  return calls
}

const DENIED: Parameters<typeof exchange>[4] = {
  status: 403,
  outcome: 'client_error',
  destinationOnly: { outcome: 'denied', denialKind: 'rbac', denialPolicy: 'shop/deny-x', denialRule: '0' },
}

function denials(count: number, from: number, everyUs: number, destination = 'payment', source = 'checkout'): Call[] {
  const random = seeded(count)
  return Array.from({ length: count }, (_, i) =>
    exchange(source, destination, from + i * everyUs, random, DENIED),
  ).flat()
}

async function found(calls: Call[]) {
  const { findings } = await detect(writeCalls(calls, { blockSeconds: 10 }))
  return findings.filter(({ detector }) => detector === 'denial_spike')
}

describe('denial_spike', { timeout: 120_000 }, () => {
  test('a burst on a pair known for a day is high, counts each denial once and names the policy', async () => {
    const at = START + 25 * HOUR
    const findings = await found([...steady(START, at + HOUR, MINUTE), ...denials(30, at, 300_000)])
    const rate = findings.find(({ kind }) => kind === 'rate')!
    expect(rate.severity).toBe('high')
    expect(rate.evidence.observed).toBeLessThanOrEqual(31)
    expect(rate.evidence.observed).toBeGreaterThanOrEqual(29)
    expect(rate.evidence.verdict).toBe('policy shop/deny-x')
    expect(rate.cause).toBe('denial_spike|policy|shop/deny-x')
    expect(rate.quietUs).toBe(MINUTE)
    expect(rate.evidence.p).toBeLessThan(1e-8)
    expect(rate.evidence.detectable).toBeGreaterThanOrEqual(5)
    expect(rate.evidence.baselineSamples).toBeGreaterThan(1000)
    expect(rate.evidence.examples[0]!.status).toBe(403)
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  })

  test('one denial a minute is found within the hour by the absolute rule, where the week before had none', async () => {
    const at = START + 26 * HOUR
    const findings = await found([...steady(START, at + 2 * HOUR, MINUTE), ...denials(60, at, MINUTE)])
    const absolute = findings.filter(({ kind }) => kind === 'absolute_hour')
    expect(absolute[0]!.severity).toBe('warning')
    expect(absolute[0]!.windowStart - at).toBeLessThan(10 * MINUTE)
  })

  test('the first denial by a policy is a warning on a pair known for a week, and informs before', async () => {
    const calls = [
      ...steady(START, START + 8 * DAY, 30 * MINUTE),
      ...denials(1, START + 2 * DAY, SECOND),
      ...denials(1, START + 8 * DAY - HOUR, SECOND).map((one) =>
        one.outcome === 'denied' ? { ...one, denialPolicy: 'shop/deny-y' } : one,
      ),
    ]
    const first = (await found(calls)).filter(({ kind }) => kind === 'absolute_first')
    expect(first.map(({ severity, evidence }) => [severity, evidence.verdict])).toEqual([
      ['info', 'policy shop/deny-x'],
      ['warning', 'policy shop/deny-y'],
    ])
  })

  test('on a system just started nothing is above info', async () => {
    const findings = await found([...steady(START, START + 5 * MINUTE, SECOND), ...denials(50, START + MINUTE, SECOND)])
    expect(findings.length).toBeGreaterThan(0)
    expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(['info']))
    expect(findings.every(({ evidence }) => evidence.blind !== '')).toBe(true)
  })

  test("an application's own 403 and a caller's copy of a denial are no denials", async () => {
    const random = seeded(2)
    const at = START + 25 * HOUR
    const own = Array.from({ length: 50 }, (_, i) =>
      exchange('checkout', 'payment', at + i * SECOND, random, { status: 403, outcome: 'client_error' }),
    ).flat()
    expect(await found([...steady(START, at + HOUR, MINUTE), ...own])).toEqual([])
  })

  test('a thousand denials under one constant request id count a thousand', async () => {
    const at = START + 25 * HOUR
    const burst = denials(1000, at + SECOND, 8000).map((one) => ({ ...one, requestId: 'same' }))
    const rate = (await found([...steady(START, at + HOUR, MINUTE), ...burst])).filter(({ kind }) => kind === 'rate')
    expect(Math.max(...rate.map(({ evidence }) => evidence.observed))).toBe(1000)
  })

  test('a policy that suddenly denies a source where it always called is no scan', async () => {
    const services = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const random = seeded(3)
    const at = START + 25 * HOUR
    const calls: Call[] = []
    for (const service of services) {
      for (let t = START; t < at; t += 2 * MINUTE) calls.push(...exchange('gateway', service, t, random))
      calls.push(...denials(20, at, SECOND, service, 'gateway'))
    }
    const findings = await found(calls)
    expect(findings.some(({ kind }) => kind === 'scan')).toBe(false)
    expect(new Set(findings.filter(({ severity }) => severity !== 'info').map(({ cause }) => cause))).toEqual(
      new Set(['denial_spike|policy|shop/deny-x']),
    )
  })

  test('a scan of services it never used is one critical incident of the source', async () => {
    const at = START + 25 * HOUR
    const services = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const probes = services.flatMap((service, i) => denials(1, at + i * SECOND, 1, service))
    const findings = await found([...steady(START, at + HOUR, MINUTE), ...probes])
    const scans = findings.filter(({ kind }) => kind === 'scan')
    expect(new Set(scans.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(scans[0]!.severity).toBe('critical')
    expect(scans[0]!.key.destinationService).toBe('')
    expect(scans[0]!.quietUs).toBe(DAY)
  })

  test('late denials are judged all the same, by the absolute rules', async () => {
    const at = START + 26 * HOUR
    const late = denials(9, at, SECOND)
    const calls = [...steady(START, at + HOUR, MINUTE), ...late]
    const isLate = new Set(late)
    const log = writeCalls(calls, {
      blockSeconds: 10,
      arrival: (one) => (isLate.has(one) ? one.end + 5 * MINUTE : one.end),
    })
    const run = await detect(log)
    expect(run.counts.late).toBe(18)
    expect(run.findings.filter(({ kind }) => kind === 'absolute_hour').length).toBeGreaterThan(0)
  })
})
