import { describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../core/clock.ts'
import { SEVERITIES } from '../../detectors/detector.ts'
import { detect, writeCalls } from './harness.ts'
import { ATTACKS, intercept, ordinary, START } from './world.ts'

const DAYS = 2 * DAY
const ATTACK = START + DAYS

/** What would wake or warn somebody. */
function loud(findings: Awaited<ReturnType<typeof detect>>['findings']) {
  return findings.filter(({ severity }) => SEVERITIES.indexOf(severity) > 0)
}

describe('a small world', () => {
  test('ordinary life of two days, with rhythm, batch, deploys and rotation, opens nothing above info', async () => {
    const run = await detect(writeCalls(ordinary({ durationUs: DAYS, seed: 7 }), { blockSeconds: 10 }))
    expect(run.counts.late).toBe(0)
    expect(loud(run.findings).map(({ kind, summary }) => `${kind}: ${summary}`)).toEqual([])
  }, 120_000)

  test('each planted attack is found as what it is, and nothing else is', async () => {
    const life = ordinary({ durationUs: DAYS + 2 * HOUR, seed: 8 })
    const calls = [
      ...intercept(life, 'frontend', 'cart', ATTACK + 80 * MINUTE, 6000),
      ...ATTACKS.denialBurst(ATTACK + 5 * MINUTE),
      ...ATTACKS.scan(ATTACK + 15 * MINUTE),
      ...ATTACKS.impostor(ATTACK + 25 * MINUTE),
      ...ATTACKS.expired(ATTACK + 35 * MINUTE),
      ...ATTACKS.outsideGraph(ATTACK + 45 * MINUTE),
      ...ATTACKS.stolen(ATTACK + 55 * MINUTE),
    ]
    const run = await detect(writeCalls(calls, { blockSeconds: 10 }))
    const incidents = new Map(
      loud(run.findings).map((finding) => [
        finding.fingerprint,
        `${finding.detector}/${finding.kind} ${finding.key.sourceIdentity.split('/').at(-1)} -> ${finding.key.destinationService} ${finding.severity}`,
      ]),
    )
    expect([...incidents.values()].sort()).toEqual([
      'denial_spike/rate frontend -> auth.shop high',
      'denial_spike/scan ads ->  critical',
      'latency_shift/added_delay frontend -> cart.shop high',
      'new_path/outside_graph email -> ledger.shop critical',
      'tls_failure/expired_certificate recommendation -> catalog.shop warning',
      'tls_failure/impostor  -> payment.shop critical',
      'tls_failure/stolen_identity checkout -> payment.shop critical',
    ])
    for (const { summary, evidence } of run.findings) {
      for (const text of [summary, evidence.verdict, evidence.blind]) expect(text).not.toMatch(/(^|[^\d.,])1 [a-z]+s\b/)
    }
    for (const finding of loud(run.findings)) {
      expect(finding.evidence.sql).toContain('FROM eastwatch.calls')
      expect(finding.evidence.verdict).not.toBe('')
      expect(finding.evidence.examples.length).toBeGreaterThan(0)
    }
  }, 120_000)
})
