/**
 * Denials by policy: a pair's rate against what it learned, and two absolute rules, because a busy pair dilutes any rate and in
 * zero trust the base is zero. Counted where the policy decided, at the destination; a client's copy and an application's own 403
 * are no denials. Cannot see a denial whose proxy does not say why. Memory: about 600 bytes a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, Severity, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { finding, pairFindingKey, sourceName } from './finding.ts'
import { slowDrift } from './slow-drift.ts'
import { alarmProbability } from './stats/multiplicity.ts'
import { freshRate, learnRate, priorFrom, type RateState } from './stats/rate.ts'
import {
  freshRateModel,
  isLearned,
  judgeRate,
  judgeSlowDrift,
  type RateAlarm,
  type RateModel,
} from './stats/rate-model.ts'
import { countOnce, type DenialTally, type PairWindow, WINDOW_US } from './window.ts'

export const DenialSpikeConfig = z.strictObject({
  minDenials: z.number().int().positive().default(5).describe('Fewest denials in a window that can be a spike.'),
  minRatio: z.number().min(1).default(3).describe('Smallest ratio to the expected rate that matters.'),
  minIncrease: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Smallest increase of the denied share that matters, as a fraction.'),
  hourlyDenials: z
    .number()
    .int()
    .positive()
    .default(5)
    .describe('Denials within an hour that are reported on a pair which had fewer in the week before.'),
})
type Config = z.infer<typeof DenialSpikeConfig>

const NAME = 'denial_spike'
const SCALES = 3
const WEEK = 7 * DAY
const TEN_MINUTES = 10 * MINUTE
const MAX_POLICIES = 32
const TECHNIQUE = 'T1110'

type Count = [start: number, denials: number]

interface PairMemory {
  rate: RateModel
  /** Policies that denied it: policy and first window. */
  policies: [policy: string, first: number][]
  /** Denials per ten minutes of the last hour, and per day of the last week. */
  tens: Count[]
  days: Count[]
}

interface OwnerMemory {
  rate: RateState
  /** Requests that were answered: where there are none, only failures are logged and a rate means nothing. */
  answered: number
}

export const denialSpike: DetectorDefinition = {
  name: NAME,
  stage: 'destination',
  build: (config) => new DenialSpike(config.denialSpike, alarmProbability(config, SCALES)),
}

class DenialSpike implements Detector {
  readonly #config: Config
  readonly #p0: number

  constructor(config: Config, p0: number) {
    this.#config = config
    this.#p0 = p0
  }

  onWindow(group: WindowGroup): Finding[] {
    const owner = group.own<OwnerMemory>(() => ({ rate: freshRate(), answered: 0 }))
    const prior = priorFrom(owner.rate)
    const ownerLearned = isLearned(owner.rate)
    let hits = 0
    let trials = 0
    const findings = group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const counted = countOnce(window)
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      const assessable = owner.answered > 0 && (ownerLearned || isLearned(memory.rate.scales[0]!))
      const rule = {
        p0: this.#p0,
        minHits: this.#config.minDenials,
        minRatio: this.#config.minRatio,
        minDifference: this.#config.minIncrease,
      }
      const counts = { start: group.start, hits: counted.denied, trials: counted.requests }
      const alarm = judgeRate(memory.rate, prior, rule, counts, assessable)
      const drift = judgeSlowDrift(memory.rate, prior, rule, counts)
      owner.answered += counted.requests - counted.denied
      trials += counted.requests
      if (alarm === undefined) hits += counted.denied
      const absolute = this.#absolute(group, window, memory, denialsOf(window))
      if (alarm !== undefined) return [this.#rateFinding(group, window, memory, alarm)]
      return drift === undefined ? absolute : [...absolute, slowDrift(group, window, drift, DRIFTING)]
    })
    learnRate(owner.rate, prior, { hits, trials, start: group.start, windowUs: WINDOW_US, alarming: false })
    return findings
  }

  onLate(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      return this.#absolute(group, window, memory, denialsOf(window))
    })
  }

  #rateFinding(group: WindowGroup, window: PairWindow, memory: PairMemory, alarm: RateAlarm): Finding {
    const state = memory.rate.scales[0]!
    const { hits, trials, expected } = alarm
    const policy = mainPolicy(window)
    const young = group.start - Math.min(group.pairSince(window.key), group.ownerSince) < DAY
    return this.#finding(group, window, {
      kind: 'rate',
      severity: young ? 'warning' : 'high',
      quietUs: MINUTE,
      observed: hits,
      expected,
      summary:
        `${sourceName(window.pair)} is denied at ${window.pair.destinationService}: ${hits} of ${trials} calls in ` +
        `${alarm.scale.name}, expected ${round(expected)}; decided by ${policyName(policy)}`,
      p: alarm.p,
      detectable: alarm.detectable,
      dispersion: alarm.dispersion,
      samples: state.samples,
      facts: { calls: trials, scale: alarm.scale.name },
    })
  }

  /** The first denial by a policy, and a handful of denials in an hour where the week before had none. */
  #absolute(group: WindowGroup, window: PairWindow, memory: PairMemory, denials: readonly DenialTally[]): Finding[] {
    if (denials.length === 0) return []
    const count = denials.reduce((sum, denial) => sum + denial.count, 0)
    const fresh = denials.map(({ policy }) => policy).filter((policy) => !memory.policies.some(([p]) => p === policy))
    for (const policy of new Set(fresh)) memory.policies.push([policy, group.start])
    memory.policies = memory.policies.slice(-MAX_POLICIES)
    const weekBefore = sumSince(memory.days, group.start - WEEK) - sumSince(memory.tens, group.start - HOUR)
    addCount(memory.tens, floor(group.start, TEN_MINUTES), count, group.start - HOUR)
    addCount(memory.days, floor(group.start, DAY), count, group.start - WEEK)
    const inHour = sumSince(memory.tens, group.start - HOUR)
    const known = group.start - group.pairSince(window.key)
    const policy = mainPolicy(window)
    const named = `${sourceName(window.pair)} at ${window.pair.destinationService}`
    if (inHour >= this.#config.hourlyDenials && weekBefore < this.#config.hourlyDenials) {
      // A day without denials of the pair, or of a destination that this caller is new to, is history enough.
      const assessable = Math.max(known, group.start - group.ownerSince) >= DAY
      return [
        this.#finding(group, window, {
          kind: 'absolute_hour',
          severity: assessable ? 'warning' : 'info',
          quietUs: HOUR,
          observed: inHour,
          expected: weekBefore / 168,
          summary: `${named} was denied ${inHour} times within an hour, ${weekBefore} times in the week before; decided by ${policyName(policy)}`,
          ...NO_MODEL,
          blind: assessable ? '' : LITTLE_HISTORY,
          facts: { week_before: weekBefore },
        }),
      ]
    }
    if (fresh.length === 0) return []
    return [
      this.#finding(group, window, {
        kind: 'absolute_first',
        severity: known >= WEEK ? 'warning' : 'info',
        quietUs: HOUR,
        observed: count,
        expected: 0,
        summary: `${named} was denied for the first time by ${policyName(fresh[0]!)}`,
        ...NO_MODEL,
        blind: known >= WEEK ? '' : LITTLE_HISTORY,
        facts: { known_for_days: Math.floor(known / DAY) },
      }),
    ]
  }

  /** What an unverified sender says of denials raises suspicion, and no more. */
  #claimed(group: WindowGroup, window: PairWindow): Finding[] {
    const count = denialsOf(window).reduce((sum, denial) => sum + denial.count, 0)
    if (count < this.#config.minDenials) return []
    return [
      this.#finding(group, window, {
        kind: 'claimed',
        severity: 'info',
        quietUs: HOUR,
        observed: count,
        expected: 0,
        summary: `An unverified sender reports ${count} denials of ${sourceName(window.pair)} at ${window.pair.destinationService}`,
        ...NO_MODEL,
        blind: 'the sender is not who it says it reports for; nothing verified supports it',
        facts: {},
      }),
    ]
  }

  #finding(
    group: WindowGroup,
    window: PairWindow,
    what: {
      kind: string
      severity: Severity
      quietUs: number
      observed: number
      expected: number
      summary: string
      p: number | null
      detectable: number | null
      dispersion: number | null
      samples: number
      blind?: string
      facts: Record<string, string | number>
    },
  ): Finding {
    const key = pairFindingKey(window.pair)
    const policy = mainPolicy(window)
    const { kind, severity, quietUs, summary, observed, expected, p, detectable, dispersion } = what
    return finding(group, {
      detector: NAME,
      kind,
      incident: kind === 'claimed' ? kind : 'denials',
      severity,
      key: { ...key, destinationIdentity: window.destinationIdentities[0] ?? '' },
      incidentKey: key,
      cause: `${NAME}|policy|${policy === 'default' ? `default of ${window.pair.destinationService}` : policy}`,
      quietUs,
      summary,
      technique: TECHNIQUE,
      evidence: {
        observed,
        expected,
        unit: 'denials',
        p,
        detectable,
        baselineSamples: what.samples,
        baselineSince: group.pairSince(window.key),
        dispersion,
        firstSeen: window.first,
        lastSeen: window.last,
        verdict: policyName(policy),
        blind: what.blind ?? blindness(window),
        examples: window.examples.denied ?? [],
        facts: { ...policyFacts(window), ...what.facts },
        sql: callsSql({ from: group.start - HOUR, to: group.end, key, where: WHERE }),
      },
    })
  }
}

const WHERE = ["outcome = 'denied'"]
const DRIFTING = { detector: NAME, hits: 'denials', trials: 'calls', technique: TECHNIQUE, where: WHERE }
const LITTLE_HISTORY = 'too little history to say what is usual here'
const NO_MODEL = { p: null, detectable: null, dispersion: null, samples: 0 }

function freshMemory(): PairMemory {
  return { rate: freshRateModel(), policies: [], tens: [], days: [] }
}

/** The denials that count: the deciding proxy's, at the destination where it reports. */
function denialsOf(window: PairWindow): DenialTally[] {
  const { reporter } = countOnce(window)
  return window.denials.filter((denial) => denial.reporter === reporter)
}

function mainPolicy(window: PairWindow): string {
  const most = denialsOf(window).sort((a, b) => b.count - a.count || (a.policy < b.policy ? -1 : 1))[0]
  return most?.policy || most?.kind || 'unnamed'
}

function policyName(policy: string): string {
  if (policy === 'default') return 'the default: no ALLOW policy matches'
  return policy === 'unnamed' ? 'a policy the proxy does not name' : `policy ${policy}`
}

function policyFacts(window: PairWindow): Record<string, number> {
  const named = denialsOf(window).map(
    ({ kind, policy, rule, count }) => [`${kind} ${policy} ${rule}`.trim(), count] as const,
  )
  return Object.fromEntries(named.slice(0, 8))
}

function blindness(window: PairWindow): string {
  const { reporter } = countOnce(window)
  return reporter === 'destination' || reporter === 'waypoint'
    ? ''
    : 'the destination does not report; counted at the caller'
}

function floor(time: number, step: number): number {
  return Math.floor(time / step) * step
}

function addCount(counts: Count[], start: number, denials: number, oldest: number): void {
  const same = counts.find(([at]) => at === start)
  if (same === undefined) counts.push([start, denials])
  else same[1] += denials
  const kept = counts.filter(([at]) => at > oldest)
  counts.splice(0, counts.length, ...kept)
}

function sumSince(counts: readonly Count[], since: number): number {
  return counts.reduce((sum, [at, denials]) => (at > since ? sum + denials : sum), 0)
}

function round(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2)
}
