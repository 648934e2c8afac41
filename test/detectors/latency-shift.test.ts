import { describe, expect, test } from 'vitest'
import type { Call } from '../../core/call.ts'
import { HOUR, MINUTE, SECOND } from '../../core/clock.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, intercept, normal, START, seeded } from './world.ts'

const AT = START + 25 * HOUR

interface Shape {
  callers?: string[]
  everyUs?: number
  from?: number
  change?: Parameters<typeof exchange>[4]
  /** Load on the callee that day. */
  load?: (at: number) => number
}

function life({
  callers = ['a'],
  everyUs = 2 * SECOND,
  from = AT - 90 * MINUTE,
  change = {},
  load = () => 1,
}: Shape): Call[] {
  const random = seeded(11)
  const calls: Call[] = callers.flatMap((caller) => exchange(caller, 'cart', START, random, change))
  for (let at = from; at < AT + 20 * MINUTE; at += everyUs) {
    for (const caller of callers) {
      const durationUs = Math.round(20_000 * load(at) * Math.exp(0.3 * normal(random)))
      calls.push(...exchange(caller, 'cart', at + Math.floor(random() * SECOND), random, { durationUs, ...change }))
    }
  }
  return calls
}

async function found(calls: Call[]) {
  const { findings } = await detect(writeCalls(calls, { blockSeconds: 10 }))
  return findings.filter(({ detector }) => detector === 'latency_shift')
}

describe('latency_shift', { timeout: 60_000 }, () => {
  test('two milliseconds added between two proxies on a service of twenty are found within a minute', async () => {
    const findings = await found(intercept(life({}), 'a', 'cart', AT, 2000))
    expect(findings[0]!.kind).toBe('added_delay')
    expect(findings[0]!.severity).toBe('high')
    expect(findings[0]!.windowStart - AT).toBeLessThanOrEqual(MINUTE)
    expect(findings[0]!.evidence.observed - findings[0]!.evidence.expected).toBeGreaterThan(1500)
    expect(findings[0]!.evidence.detectable).toBeLessThan(1000)
  })

  test('the destination becoming three times as slow is not interception', async () => {
    expect(await found(life({ load: (at) => (at > AT ? 3 : 1) }))).toEqual([])
  })

  test('a constant request id joins nothing, and so proves nothing', async () => {
    const findings = await found(intercept(life({ change: { requestId: 'same' } }), 'a', 'cart', AT, 2000))
    expect(findings.filter(({ severity }) => severity === 'high')).toEqual([])
  })

  test('retried calls are not joined', async () => {
    const calls = intercept(life({ change: { attempts: 2 } }), 'a', 'cart', AT, 50_000)
    expect(await found(calls)).toEqual([])
  })

  test('with whole milliseconds a large shift is found and the limit stated', async () => {
    const rounded = intercept(life({}), 'a', 'cart', AT, 20_000).map((one) => ({
      ...one,
      durationUs: Math.floor(one.durationUs / 1000) * 1000,
      durationStepUs: 1000,
    }))
    const findings = await found(rounded)
    expect(findings[0]!.kind).toBe('added_delay')
    expect(findings[0]!.evidence.blind).toContain('whole milliseconds')
  })

  test('a shift of most callers at once is a changed path of the destination, one incident', async () => {
    const callers = ['a', 'b', 'c', 'd']
    let calls = life({ callers })
    for (const caller of callers) calls = intercept(calls, caller, 'cart', AT, 5000)
    const findings = await found(calls)
    expect(new Set(findings.map(({ kind, severity }) => `${kind} ${severity}`))).toEqual(
      new Set(['path_changed warning']),
    )
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  })

  test('without callee reports a shift on one of four callers is told with its doubt; common load is not', async () => {
    const callers = ['a', 'b', 'c', 'd', 'e']
    const callerOnly = (calls: Call[]) => calls.filter(({ reporter }) => reporter === 'source')
    expect(await found(callerOnly(life({ callers, load: (at) => (at > AT ? 1.5 : 1) })))).toEqual([])
    const findings = await found(callerOnly(intercept(life({ callers }), 'a', 'cart', AT, 40_000)))
    expect(findings[0]!.severity).toBe('warning')
    expect(findings[0]!.key.sourceIdentity).toContain('/a')
    expect(findings[0]!.evidence.blind).toContain('only the caller reports')
  })
})
