/** What a rate's slow drift is told as, whatever the rate counts: one finding kind, once a day while it lasts. */
import { DAY } from '../core/clock.ts'
import type { Finding, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { finding, pairFindingKey, sourceName } from './finding.ts'
import type { DriftAlarm } from './stats/drift.ts'
import type { PairWindow } from './window.ts'
import { counted } from './wording.ts'

export const SLOW_DRIFT = 'slow_drift'
/** Told at the turn of a day: an incident that is quiet for two days is over. */
export const DRIFT_QUIET_US = 2 * DAY

export interface Drifting {
  detector: string
  /** What is counted: `denials`, `failed handshakes`; and among what: `calls`, `handshakes`. */
  hits: string
  trials: string
  technique: string
  /** Conditions that show the hits among the calls. */
  where: readonly string[]
}

export function slowDrift(group: WindowGroup, window: PairWindow, alarm: DriftAlarm, what: Drifting): Finding {
  const { detector, hits, trials, technique, where } = what
  const key = pairFindingKey(window.pair)
  const before = percent(alarm.expected / alarm.trials)
  const verdict = `slow drift: the share of ${hits} among ${trials} crept up, and no step of it was an alarm`
  return finding(group, {
    detector,
    kind: SLOW_DRIFT,
    severity: 'warning',
    key,
    cause: `${detector}|${SLOW_DRIFT}|${window.pair.destinationService}`,
    quietUs: DRIFT_QUIET_US,
    summary:
      `The share of ${hits} among ${trials} of ${sourceName(window.pair)} to ${window.pair.destinationService} crept up to ` +
      `${percent(alarm.hits / alarm.trials)} over the last ${counted(alarm.days, 'day')}; ${before} was usual before`,
    technique,
    evidence: {
      observed: alarm.hits,
      expected: alarm.expected,
      unit: hits,
      p: alarm.p,
      detectable: alarm.detectable,
      baselineSamples: alarm.anchorTrials,
      baselineSince: group.pairSince(window.key),
      dispersion: null,
      firstSeen: alarm.since,
      lastSeen: group.start,
      verdict,
      blind:
        'what began before the first week was over stays unseen; what grows by less than a tenth a day is seen after weeks, if at all',
      examples: [],
      facts: { days: alarm.days, [trials]: alarm.trials },
      sql: callsSql({ from: alarm.since, to: group.end, key, where }),
    },
  })
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`
}
