/**
 * Interception: a constant time added between two proxies. The signal is the gap, the caller's duration less the callee's for the
 * same call: load on the callee cancels, clocks do not enter. Where calls cannot be joined, the difference of both ends' quantiles
 * or the caller's durations serve, with what is common to all callers of the destination taken away. With whole milliseconds only
 * shifts of some milliseconds are seen, and the finding says so. A zone move looks the same: where most callers shift at once it
 * is told as a changed path of the destination. Memory: about 700 bytes a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, WindowGroup } from './detector.ts'
import { addedDelay, changedPath, driftedGap, type Judged, LATENCY_SHIFT } from './latency-finding.ts'
import { commonMode, isLearned, MIN_PEERS, type Reading, read } from './latency-reading.ts'
import { average, deviationOf, learnLevel } from './stats/level.ts'

export const LatencyShiftConfig = z.strictObject({
  minShiftMicroseconds: z.number().int().positive().default(500).describe('Smallest added delay that matters.'),
  minShiftShare: z
    .number()
    .positive()
    .default(0.03)
    .describe('Smallest added delay that matters, as a share of the median duration the caller sees.'),
  deviations: z.number().positive().default(6).describe('Learned standard deviations an added delay must exceed.'),
  persistence: z.number().int().positive().default(3).describe('Consecutive windows (or minutes) that must show it.'),
})
type Config = z.infer<typeof LatencyShiftConfig>

const RELEARN_US = 6 * HOUR
const CAUTION = 10
const FAN_SHARE = 0.5
const DRIFT_MINUTES = 1440
const DRIFT_PERSISTENCE_US = 3 * DAY

export const latencyShift: DetectorDefinition = {
  name: LATENCY_SHIFT,
  stage: 'destination',
  build: (config) => new LatencyShift(config.latencyShift),
}

class LatencyShift implements Detector {
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  onWindow(group: WindowGroup): Finding[] {
    const readings = group.windows.flatMap((window) => (window.trust === 'verified' ? read(group, window) : []))
    const judged = readings.map((reading) => this.#judge(group, reading, commonMode(reading, readings)))
    const alarms = judged.filter(({ alarm }) => alarm)
    const drifts = judged.flatMap((one) => (one.scale === 'minute' ? this.#drift(group, one) : []))
    if (alarms.length === 0) return drifts
    const assessed = judged.filter(isLearned)
    const pairs = new Set(alarms.map(({ window }) => window.key))
    const fan =
      pairs.size >= MIN_PEERS && pairs.size >= FAN_SHARE * new Set(assessed.map(({ window }) => window.key)).size
    if (fan) return [changedPath(group, alarms), ...drifts]
    const found = [...pairs].map((key) => alarms.find(({ window }) => window.key === key)!)
    return [...found.map((one) => addedDelay(group, one)), ...drifts]
  }

  #judge(group: WindowGroup, reading: Reading, common: number): Judged {
    const { memory, scale, values, samples, stepUs, median } = reading
    const own = memory[scale]
    const { level } = own
    const shift = average(values) - average(level.mean) - common
    // A clock that shows whole milliseconds averages out only with many calls.
    const floor = Math.max(10, stepUs / Math.sqrt(samples))
    const deviation = Math.max(floor, deviationOf(level))
    const needed = Math.max(
      this.#config.deviations * deviation,
      this.#config.minShiftMicroseconds,
      this.#config.minShiftShare * median,
    )
    const shows = isLearned(reading) && shift > needed
    if (shows) {
      if (own.run === 0) own.since = group.start
      own.run += 1
      own.last = group.start
    } else own.run = 0
    const frozen = own.last > 0 && group.start - own.last <= MINUTE && group.start - own.since < RELEARN_US
    if (!shows && !frozen) learnLevel(level, values, shift)
    else if (group.start - own.since >= RELEARN_US) learnLevel(level, values, shift, CAUTION)
    return { ...reading, shift, deviation, needed, alarm: own.run >= this.#config.persistence }
  }

  /**
   * The level follows slow change; the anchor shows how far it has come: to twice the anchor, or three times the smallest shift
   * that would be found. Three days of it outlast a rhythm. Only the gap is judged so: durations drift with what a service does.
   */
  #drift(group: WindowGroup, judged: Judged): Finding[] {
    const { memory, needed, signal } = judged
    const { level } = memory.minute
    const drifted = average(level.mean) - level.anchor
    const least = Math.min(Math.max(level.anchor, this.#config.minShiftMicroseconds), 3 * needed)
    if (signal !== 'gap' || level.samples < DRIFT_MINUTES || drifted < least) {
      memory.driftSince = 0
      return []
    }
    memory.driftSince ||= group.start
    if (group.start - memory.driftSince < DRIFT_PERSISTENCE_US || group.start - memory.driftTold < DAY) return []
    memory.driftTold = group.start
    return [driftedGap(group, judged, least)]
  }
}
