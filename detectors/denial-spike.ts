/**
 * Denials by policy: a pair's rate against what it learned, and two absolute rules, because a busy pair dilutes any rate and in
 * zero trust the base is zero. Counted where the policy decided, at the destination; a client's copy and an application's own 403
 * are no denials. Cannot see a denial whose proxy does not say why. Memory: about 700 bytes a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import { absoluteDenials, type DenialHistory, freshHistory } from './denial-absolute.ts'
import {
  CREDENTIAL_PROBING,
  DENIAL_SPIKE,
  DENIED,
  denialFinding,
  denialsOf,
  mainPolicy,
  NO_MODEL,
  policyName,
} from './denial-finding.ts'
import type { Detector, DetectorDefinition, Finding, WindowGroup } from './detector.ts'
import { sourceName } from './finding.ts'
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
  type RateRule,
} from './stats/rate-model.ts'
import { countOnce, type PairWindow, WINDOW_US } from './window.ts'
import { counted } from './wording.ts'

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

const SCALES = 3
const DRIFTING = {
  detector: DENIAL_SPIKE,
  hits: 'denials',
  trials: 'calls',
  technique: CREDENTIAL_PROBING,
  where: DENIED,
}

interface PairMemory extends DenialHistory {
  rate: RateModel
}

interface DestinationMemory {
  rate: RateState
  /** Requests that were answered: where there are none, only failures are logged and a rate means nothing. */
  answered: number
}

export const denialSpike: DetectorDefinition = {
  name: DENIAL_SPIKE,
  stage: 'destination',
  build: (config) => new DenialSpike(config.denialSpike, alarmProbability(config, SCALES)),
}

class DenialSpike implements Detector {
  readonly #config: Config
  readonly #rule: RateRule

  constructor(config: Config, p0: number) {
    this.#config = config
    const { minDenials: minHits, minRatio, minIncrease: minDifference } = config
    this.#rule = { p0, minHits, minRatio, minDifference }
  }

  onWindow(group: WindowGroup): Finding[] {
    const destination = group.own<DestinationMemory>(() => ({ rate: freshRate(), answered: 0 }))
    const prior = priorFrom(destination.rate)
    const destinationLearned = isLearned(destination.rate)
    let hits = 0
    let trials = 0
    const findings = group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const once = countOnce(window)
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      const assessable = destination.answered > 0 && (destinationLearned || isLearned(memory.rate.scales[0]!))
      const { incomplete } = window
      const counts = { start: group.start, hits: once.denied, trials: once.requests, incomplete }
      const alarm = judgeRate(memory.rate, prior, this.#rule, counts, assessable)
      const drift = judgeSlowDrift(memory.rate, prior, this.#rule, counts)
      if (!incomplete) {
        destination.answered += once.requests - once.denied
        trials += once.requests
        if (alarm === undefined) hits += once.denied
      }
      const absolute = absoluteDenials(group, window, memory, this.#config.hourlyDenials)
      if (alarm !== undefined) return [rise(group, window, memory, alarm)]
      return drift === undefined ? absolute : [...absolute, slowDrift(group, window, drift, DRIFTING)]
    })
    learnRate(destination.rate, prior, { hits, trials, start: group.start, windowUs: WINDOW_US, alarming: false })
    return findings
  }

  onLate(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      return absoluteDenials(group, window, memory, this.#config.hourlyDenials)
    })
  }

  /** What an unverified sender says of denials raises suspicion, and no more. */
  #claimed(group: WindowGroup, window: PairWindow): Finding[] {
    const count = denialsOf(window).reduce((sum, denial) => sum + denial.count, 0)
    if (count < this.#config.minDenials) return []
    return [
      denialFinding(group, window, {
        kind: 'claimed',
        severity: 'info',
        quietUs: HOUR,
        observed: count,
        expected: 0,
        summary: `An unverified sender reports ${counted(count, 'denial')} of ${sourceName(window.pair)} at ${window.pair.destinationService}`,
        ...NO_MODEL,
        blind: 'the sender is not who it says it reports for; nothing verified supports it',
        facts: {},
      }),
    ]
  }
}

function freshMemory(): PairMemory {
  return { rate: freshRateModel(), ...freshHistory() }
}

/** The rate rose above what was learned. */
function rise(group: WindowGroup, window: PairWindow, { rate }: PairMemory, alarm: RateAlarm): Finding {
  const { hits, trials, expected, p, detectable, dispersion, scale } = alarm
  const young = group.start - Math.min(group.pairSince(window.key), group.ownerSince) < DAY
  return denialFinding(group, window, {
    kind: 'rate',
    severity: young ? 'warning' : 'high',
    quietUs: MINUTE,
    observed: hits,
    expected,
    summary:
      `${sourceName(window.pair)} is denied at ${window.pair.destinationService}: ${hits} of ${counted(trials, 'call')} in ` +
      `${scale.name}, expected ${round(expected)}; decided by ${policyName(mainPolicy(window))}`,
    p,
    detectable,
    dispersion,
    samples: rate.scales[0]!.samples,
    facts: { calls: trials, scale: scale.name },
  })
}

function round(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2)
}
