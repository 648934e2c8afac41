/** Handshakes that time out or break on protocol happen: only a rise counts, among handshakes where they can be counted. */
import { MINUTE } from '../core/clock.ts'
import type { Finding, WindowGroup } from './detector.ts'
import { sourceName } from './finding.ts'
import { slowDrift } from './slow-drift.ts'
import { DEFAULT_PRIOR } from './stats/rate.ts'
import { freshRateModel, isLearned, judgeRate, judgeSlowDrift, type RateRule } from './stats/rate-model.ts'
import type { Hit } from './tls-destination.ts'
import { callerFinding, TLS_FAILURE } from './tls-finding.ts'
import type { PairMemory } from './tls-memory.ts'
import { countOnce, type PairWindow } from './window.ts'
import { counted } from './wording.ts'

const DRIFTING = {
  detector: TLS_FAILURE,
  hits: 'failed handshakes',
  trials: 'handshakes',
  technique: '',
  where: ["tls_failure != ''"],
}

/** @param hits the pair's failures; those with a verdict of their own are left out */
export function handshakeRate(
  group: WindowGroup,
  window: PairWindow,
  memory: PairMemory,
  rule: RateRule,
  hits: readonly Hit[],
): Finding[] {
  const own = hits.filter(({ verdict }) => verdict.byRate)
  const failed = own.reduce((sum, { failures }) => sum + failures.count, 0)
  const { handshakes } = countOnce(window)
  if (failed === 0 && handshakes === 0) return []
  memory.rate ??= freshRateModel()
  const counts = {
    start: group.start,
    hits: failed,
    trials: Math.max(handshakes, failed),
    incomplete: window.incomplete,
  }
  const learned = isLearned(memory.rate.scales[0]!)
  const alarm = judgeRate(memory.rate, DEFAULT_PRIOR, rule, counts, learned)
  const drift = judgeSlowDrift(memory.rate, DEFAULT_PRIOR, rule, counts)
  if (drift !== undefined) return [slowDrift(group, window, drift, DRIFTING)]
  if (alarm === undefined) return []
  const { failures, verdict } = own[0]!
  const summary =
    `${alarm.hits} of ${counted(alarm.trials, 'handshake')} of ${sourceName(window.pair)} with ${window.pair.destinationService} ` +
    `fail in ${alarm.scale.name}; ${verdict.text}`
  const made = callerFinding(group, window, { ...verdict, severity: 'warning' }, failures, alarm.hits, summary)
  const { p, expected, detectable, dispersion } = alarm
  const baselineSamples = memory.rate.scales[0]!.samples
  return [
    { ...made, quietUs: MINUTE, evidence: { ...made.evidence, p, expected, detectable, dispersion, baselineSamples } },
  ]
}
