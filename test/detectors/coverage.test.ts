import { describe, expect, it } from 'vitest'
import { coverageOf, type TelemetryFacts } from '../../detectors/coverage.ts'

const full: TelemetryFacts = {
  sourceIdentity: 1,
  tlsVersion: 1,
  microseconds: 1,
  policyDecided: 1,
  claimed: 0,
  bySource: 100,
  byDestination: 100,
  http: 200,
  connections: 5,
  successes: 90,
}
const state = (facts: Partial<TelemetryFacts>, detector: string) =>
  coverageOf({ ...full, ...facts }).find((coverage) => coverage.detector === detector)?.state

describe('coverage', () => {
  it('is on for every detector where all is sent', () => {
    expect(coverageOf(full).map((coverage) => coverage.state)).toEqual(['on', 'on', 'on', 'on', 'on'])
  })

  it.each([
    ['denial_spike', { byDestination: 0 }, 'blind'],
    ['denial_spike', { successes: 0 }, 'degraded'],
    ['denial_spike', { sourceIdentity: 0.5 }, 'degraded'],
    ['tls_failure', { connections: 0 }, 'degraded'],
    ['tls_failure', { connections: 0, bySource: 0 }, 'blind'],
    ['new_path', { policyDecided: 0 }, 'degraded'],
    ['new_path', { sourceIdentity: 0 }, 'degraded'],
    ['latency_shift', { bySource: 0 }, 'blind'],
    ['latency_shift', { microseconds: 0 }, 'degraded'],
    ['latency_shift', { http: 0 }, 'degraded'],
    ['telemetry_stopped', { bySource: 0 }, 'blind'],
    ['telemetry_stopped', { byDestination: 0 }, 'blind'],
    ['telemetry_stopped', { successes: 0 }, 'blind'],
    ['telemetry_stopped', { claimed: 0.5 }, 'degraded'],
    ['new_path', { claimed: 0.5 }, 'degraded'],
    ['denial_spike', { claimed: 0.5 }, 'degraded'],
  ] as const)('%s with %o is %s', (detector, facts, expected) => {
    expect(state(facts, detector)).toBe(expected)
  })

  it('says why and what mends it wherever a detector is not on', () => {
    const poor = coverageOf({ ...full, bySource: 0, connections: 0, sourceIdentity: 0, successes: 0 })
    for (const coverage of poor) expect([coverage.why, coverage.mend]).not.toContain('')
  })
})
