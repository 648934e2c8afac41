/**
 * Telemetry of a live workload stopped: its own proxy reported its calls steadily and reports none any more, while the proxies at
 * the other ends still report that such calls succeed. By destination a service that answers; by source an identity that calls and
 * proves itself by mTLS. Where nobody reports, nobody is alive, and nothing is said.
 *
 * Each pair remembers what share of its successful calls the watched end reported, so sampling and calls that end never logs are
 * no silence. An alarm needs a row of silent windows, longer than three times the longest silence that ended by itself, and enough
 * missing reports. Only verified records count, for either end. Memory: 3 numbers a pair, 9 an owner.
 */
import { z } from 'zod'
import type { Reporter } from '../core/call.ts'
import { DAY, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, Stage, WindowGroup } from './detector.ts'
import { type Silence, TELEMETRY_STOPPED, telemetryStopped } from './telemetry-stopped-finding.ts'
import { OTHER, OUTCOMES, type PairWindow } from './window.ts'

export const TelemetryStoppedConfig = z.strictObject({
  silentWindows: z
    .number()
    .int()
    .min(6)
    .default(12)
    .describe(
      'Windows in a row in which others report successful calls with a workload and its own proxy reports nothing.',
    ),
  minMissing: z
    .number()
    .int()
    .min(5)
    .default(20)
    .describe('Reports that must be missing in them, by the share of calls that the proxy used to report.'),
})
type Config = z.infer<typeof TelemetryStoppedConfig>

/** Windows in which both ends reported before a pair's share is known. */
const KNOWN_WINDOWS = 60
/** Of a pair's sums, a window: about a day. */
const DECAY = 1 - 1 / 8640
const LONGER = 3
/** Longest usual silence, in windows: nobody teaches by and by that an hour of it is usual. */
const MOST_USUAL = 120
/** Told so often while it lasts, and for so long; then it is how the workload is run. */
const REPEAT_US = 2 * MINUTE
const TOLD_FOR_US = 7 * DAY

const OK = OUTCOMES.indexOf('ok')
const INBOUND: readonly Reporter[] = ['destination', 'waypoint']
const OUTBOUND: readonly Reporter[] = ['source']

/** What both ends told of a pair: successful calls, decayed, and windows in which both did. */
export interface Habit {
  windows: number
  own: number
  others: number
}

export const destinationStopped: DetectorDefinition = {
  name: TELEMETRY_STOPPED,
  stage: 'destination',
  build: ({ telemetryStopped }) => new TelemetryStopped('destination', telemetryStopped),
}

export const sourceStopped: DetectorDefinition = {
  name: TELEMETRY_STOPPED,
  stage: 'source',
  build: ({ telemetryStopped }) => new TelemetryStopped('source', telemetryStopped),
}

class TelemetryStopped implements Detector {
  readonly #stage: Stage
  readonly #config: Config
  readonly #own: readonly Reporter[]
  readonly #others: readonly Reporter[]

  constructor(stage: Stage, config: Config) {
    this.#stage = stage
    this.#config = config
    this.#own = stage === 'destination' ? INBOUND : OUTBOUND
    this.#others = stage === 'destination' ? OUTBOUND : INBOUND
  }

  onWindow(group: WindowGroup): Finding[] {
    if (!this.#isNamed(group)) return []
    const silence = group.own(freshSilence)
    const heard = this.#isHeard(group)
    if (heard) endSilence(silence, group.end)
    const silent = heard ? undefined : { calls: 0, missing: 0, callers: 0, baseline: 0 }
    for (const window of group.windows) {
      const own = told(window, this.#own)
      const others = this.#isProved(window) ? told(window, this.#others) : 0
      if (window.trust === 'claimed' || window.incomplete || window.pair.sourceIdentity === OTHER) continue
      if (own === 0 && others === 0) continue
      const habit = group.pair(window.key, freshHabit)
      if (silent !== undefined && others > 0 && habit.windows >= KNOWN_WINDOWS) {
        silent.calls += others
        silent.missing += others * Math.min(1, habit.own / habit.others)
        silent.callers += 1
        silent.baseline += habit.own
      }
      // What is learned of a silence before it is told is little; from then on nothing is.
      if (silence.told === 0) learn(habit, own, others)
    }
    if (silent === undefined || silent.missing === 0) return []
    prolong(silence, group.start, silent)
    if (!this.#isDue(silence, group.start)) return []
    silence.told = group.start
    return [telemetryStopped(group, this.#stage, silence, { ...silent, claimed: this.#isClaimed(group) })]
  }

  /** Reports that come late are no silence. */
  onLate(group: WindowGroup): Finding[] {
    if (!this.#isNamed(group) || !this.#isHeard(group)) return []
    const silence = group.own(freshSilence)
    if (silence.since > 0 && group.start >= silence.since) endSilence(silence, group.end)
    return []
  }

  #isNamed({ owner, windows }: WindowGroup): boolean {
    if (this.#stage === 'destination') return owner !== '' && owner !== OTHER
    const { sourceIdentity } = windows[0]!.pair
    return sourceIdentity !== '' && sourceIdentity !== OTHER
  }

  #isHeard({ windows }: WindowGroup): boolean {
    return windows.some((window) => window.trust === 'verified' && reports(window, this.#own) > 0)
  }

  #isClaimed({ windows }: WindowGroup): boolean {
    return windows.some((window) => window.trust === 'claimed' && reports(window, this.#own) > 0)
  }

  /** A caller that the destination knows by its address only may be somebody else. */
  #isProved({ sourceKnownBy }: PairWindow): boolean {
    return this.#stage === 'destination' || sourceKnownBy === 'identity'
  }

  #isDue(silence: Silence, start: number): boolean {
    const { silentWindows, minMissing } = this.#config
    if (silence.windows < Math.max(silentWindows, LONGER * silence.longest) || silence.missing < minMissing)
      return false
    if (start - silence.since >= TOLD_FOR_US || start - silence.told < REPEAT_US) return false
    silence.told = start
    return true
  }
}

function freshHabit(): Habit {
  return { windows: 0, own: 0, others: 0 }
}

function freshSilence(): Silence {
  return { since: 0, last: 0, windows: 0, calls: 0, missing: 0, widest: 0, told: 0, heard: 0, longest: 0 }
}

function learn(habit: Habit, own: number, others: number): void {
  habit.own = DECAY * habit.own + own
  habit.others = DECAY * habit.others + others
  if (own > 0 && others > 0 && habit.windows < KNOWN_WINDOWS) habit.windows += 1
}

/** A silence that was told teaches nothing. */
function endSilence(silence: Silence, end: number): void {
  silence.longest *= DECAY
  silence.heard = Math.max(silence.heard, end)
  if (silence.since === 0) return
  if (silence.told === 0) silence.longest = Math.min(MOST_USUAL, Math.max(silence.longest, silence.windows))
  Object.assign(silence, { since: 0, last: 0, windows: 0, calls: 0, missing: 0, widest: 0, told: 0 })
}

function prolong(silence: Silence, start: number, silent: { calls: number; missing: number }): void {
  silence.since ||= start
  if (silence.last > 0) silence.widest = Math.max(silence.widest, start - silence.last)
  silence.last = start
  silence.windows += 1
  silence.calls += silent.calls
  silence.missing += silent.missing
}

/** Successful calls, as the one of these reporters told that told most. */
function told({ tallies }: PairWindow, reporters: readonly Reporter[]): number {
  return tallies.reduce(
    (most, { reporter, outcomes }) => (reporters.includes(reporter) ? Math.max(most, outcomes[OK]!) : most),
    0,
  )
}

/** Requests of any outcome: a proxy that reports failures lives. */
function reports({ tallies }: PairWindow, reporters: readonly Reporter[]): number {
  return tallies.reduce(
    (sum, { reporter, outcomes }) => (reporters.includes(reporter) ? outcomes.reduce((a, n) => a + n, sum) : sum),
    0,
  )
}
