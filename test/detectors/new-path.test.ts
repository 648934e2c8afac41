import { describe, expect, test } from 'vitest'
import type { Call } from '../../core/call.ts'
import { DAY, HOUR, MINUTE } from '../../core/clock.ts'
import { detect, writeCalls } from './harness.ts'
import { exchange, START, seeded } from './world.ts'

/** Frontend calls cart every ten minutes for three days: all history a source needs. */
function life(until = START + 3 * DAY): Call[] {
  const random = seeded(1)
  const calls: Call[] = []
  for (let at = START; at < until; at += 10 * MINUTE) {
    calls.push(...exchange('frontend', 'cart', at, random, { route: '/carts', decision: 'unknown' }))
  }
  return calls
}

const AT = START + 2 * DAY

function calls(
  source: string,
  destination: string,
  count: number,
  change: Parameters<typeof exchange>[4],
  at = AT,
): Call[] {
  const random = seeded(count)
  return Array.from({ length: count }, (_, i) => exchange(source, destination, at + i * 1000, random, change)).flat()
}

async function found(more: Call[], base = life()) {
  const { findings } = await detect(writeCalls([...base, ...more], { blockSeconds: 10 }))
  return findings.filter(({ detector }) => detector === 'new_path')
}

const FORBIDDEN = {
  decision: 'denied',
  decisionReason: 'no ALLOW policy of shop/ledger matches',
  route: '/entries',
} as const

describe('new_path', { timeout: 60_000 }, () => {
  test('a call the graph does not allow and that is answered is critical at once, also on a system just started', async () => {
    for (const at of [START + MINUTE, AT]) {
      const findings = await found(calls('email', 'ledger', 3, FORBIDDEN, at))
      expect(findings.map(({ kind, severity }) => [kind, severity])).toEqual([['outside_graph', 'critical']])
      expect(findings[0]!.key.operation).toBe('GET /entries')
      expect(findings[0]!.evidence.verdict).toBe(FORBIDDEN.decisionReason)
      expect(findings[0]!.quietUs).toBe(DAY)
    }
  })

  test('one that the policy stops is not one that succeeded', async () => {
    const stopped = calls('email', 'ledger', 3, {
      ...FORBIDDEN,
      status: 403,
      outcome: 'client_error',
      destinationOnly: { outcome: 'denied', denialKind: 'rbac', denialPolicy: 'default' },
    })
    expect(await found(stopped)).toEqual([])
  })

  test("a caller's report of 403 alone is no success", async () => {
    const sourceOnly = calls('email', 'ledger', 3, { ...FORBIDDEN, status: 403, outcome: 'client_error' })
    expect(await found(sourceOnly.filter(({ reporter }) => reporter === 'source'))).toEqual([])
  })

  test('a forbidden path in constant use is told again every ten minutes, not in every window', async () => {
    const hour = Array.from({ length: 360 }, (_, i) =>
      calls('email', 'ledger', 1, FORBIDDEN, AT + i * 10_000_000),
    ).flat()
    const findings = await found(hour)
    expect(findings.length).toBeGreaterThanOrEqual(6)
    expect(findings.length).toBeLessThanOrEqual(7)
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  })

  test('an allowed pair never seen informs once', async () => {
    const findings = await found([
      ...calls('frontend', 'ads', 5, { decision: 'allowed' }),
      ...calls('frontend', 'ads', 5, { decision: 'allowed' }, AT + 3 * HOUR),
    ])
    expect(findings.map(({ kind, severity }) => [kind, severity])).toEqual([['new_pair', 'info']])
  })

  test('without a graph a new pair of a busy, steady source is a surprise', async () => {
    const random = seeded(3)
    const busy: Call[] = []
    for (let at = AT - 6 * HOUR; at < AT; at += 1_100_000) {
      busy.push(exchange('frontend', 'cart', at, random, { route: '/carts', decision: 'unknown' })[1]!)
    }
    const findings = await found([...busy, ...calls('frontend', 'vault', 2, { decision: 'unknown' })])
    expect(findings.map(({ kind, severity }) => [kind, severity])).toEqual([['new_pair', 'warning']])
    expect(findings[0]!.evidence.observed).toBeGreaterThan(4)
  })

  test('in the first day of watching nothing new is told', async () => {
    expect(await found(calls('frontend', 'vault', 5, { decision: 'unknown' }, START + HOUR))).toEqual([])
  })

  test('a new operation of a known pair informs once, and is learned by the quarantine rule', async () => {
    const change = { route: '/admin', decision: 'unknown' } as const
    const days = [0, 2, 26, 50].flatMap((hours) => calls('frontend', 'cart', 2, change, AT + hours * HOUR))
    const findings = await found(days, life(START + 5 * DAY))
    expect(findings.map(({ kind, severity, key }) => [kind, severity, key.operation])).toEqual([
      ['new_operation', 'info', 'GET /admin'],
    ])
  })

  test('paths that were only ever not found form none', async () => {
    expect(
      await found(calls('frontend', 'cart', 50, { route: '/wp-login', status: 404, outcome: 'client_error' })),
    ).toEqual([])
  })

  test('hundreds of operations in a window make one finding, and no memory of each', async () => {
    const random = seeded(8)
    const flood = Array.from({ length: 900 }, (_, i) =>
      exchange('frontend', 'cart', AT + i * 1000, random, {
        route: `/probe-${i}`,
        status: 404,
        outcome: 'client_error',
      }),
    ).flat()
    const run = await detect(writeCalls([...life(), ...flood], { blockSeconds: 10 }))
    const own = run.findings.filter(({ detector }) => detector === 'new_path')
    expect(own.map(({ kind, severity }) => [kind, severity])).toEqual([['template_explosion', 'warning']])
    expect(Math.max(...run.windows.map(({ paths }) => paths.length))).toBe(201)
  })
})
