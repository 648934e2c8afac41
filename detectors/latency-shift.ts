/**
 * Interception: a constant time added between two proxies. The signal is the gap, the caller's duration less the callee's for the
 * same call: load on the callee cancels, clocks do not enter. Where calls cannot be joined, the difference of both ends' quantiles
 * or the caller's durations serve, with what is common to all callers of the destination taken away. With whole milliseconds only
 * shifts of some milliseconds are seen, and the finding says so. A zone move looks the same: where most callers shift at once it
 * is told as a changed path of the destination. Memory: about 700 bytes a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, Severity, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { EMPTY_KEY, finding, pairFindingKey, sourceName } from './finding.ts'
import { DRIFT_QUIET_US, SLOW_DRIFT } from './slow-drift.ts'
import { average, deviationOf, freshLevel, type Level, learnLevel, medianOf } from './stats/level.ts'
import type { PairWindow, Quantiles } from './window.ts'

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

const NAME = 'latency_shift'
/** Calls a window needs to be judged by itself, and a minute needs. */
const MIN_SAMPLES = 5
const MIN_MINUTE_SAMPLES = 8
const LEARNED = 60
const MIN_PEERS = 3
const RELEARN_US = 6 * HOUR
const CAUTION = 10
const FAN_SHARE = 0.5
const DRIFT_MINUTES = 1440
const DRIFT_PERSISTENCE_US = 3 * DAY

type Signal = 'gap' | 'difference' | 'caller'
type Scale = 'window' | 'minute'

interface ScaleMemory {
  level: Level
  /** Consecutive values that showed a shift, the first of them, and the last. */
  run: number
  since: number
  last: number
}

interface PairMemory {
  signal: Signal
  window: ScaleMemory
  minute: ScaleMemory
  /** The minute being gathered: start, samples, and sums of the three quantiles and of the median duration. */
  gathering: { start: number; samples: number; sums: number[]; median: number; stepUs: number }
  /** Since when the minutes' level is beyond its anchor; absent or 0 where it is not. */
  driftSince?: number
  driftTold: number
}

/** What one pair shows in one window or minute. */
interface Reading {
  window: PairWindow
  memory: PairMemory
  scale: Scale
  signal: Signal
  /** Three low quantiles of the signal, microseconds. */
  values: number[]
  samples: number
  /** Median duration at the caller. */
  median: number
  stepUs: number
}

interface Judged extends Reading {
  shift: number
  deviation: number
  needed: number
  alarm: boolean
}

export const latencyShift: DetectorDefinition = {
  name: NAME,
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
    const assessed = judged.filter(({ memory, scale }) => memory[scale].level.samples >= LEARNED)
    const pairs = new Set(alarms.map(({ window }) => window.key))
    const fan =
      pairs.size >= MIN_PEERS && pairs.size >= FAN_SHARE * new Set(assessed.map(({ window }) => window.key)).size
    if (fan) return [this.#changedPath(group, alarms), ...drifts]
    const found = [...pairs].map((key) => alarms.find(({ window }) => window.key === key)!)
    return [...found.map((one) => this.#shift(group, one)), ...drifts]
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
    const shows = level.samples >= LEARNED && shift > needed
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

  #shift(group: WindowGroup, judged: Judged): Finding {
    const { window, signal, memory, scale, values } = judged
    const before = memory[scale].level.mean
    const load = signal !== 'gap' && isProportional(values, before)
    const young = group.start - group.pairSince(window.key) < DAY
    const severity: Severity = load ? 'info' : signal === 'gap' && !young ? 'high' : 'warning'
    const key = pairFindingKey(window.pair)
    const verdict = load
      ? 'load: slow calls grew more than fast ones'
      : 'added path: fast and slow calls grew alike, as when something sits in between'
    return finding(group, {
      detector: NAME,
      kind: load ? 'load_shift' : 'added_delay',
      severity,
      key,
      cause: `${NAME}|source|${key.sourceIdentity || key.sourceAddress}`,
      quietUs: 3 * MINUTE,
      summary:
        `Between ${sourceName(window.pair)} and ${window.pair.destinationService} calls take ${milliseconds(judged.shift)} longer than usual ` +
        `(${milliseconds(average(values))} against ${milliseconds(average(before))}); ${verdict}`,
      technique: load ? '' : 'T1557',
      evidence: this.#evidence(group, judged, verdict),
    })
  }

  #changedPath(group: WindowGroup, alarms: readonly Judged[]): Finding {
    const most = [...alarms].sort((a, b) => b.shift - a.shift || (a.window.key < b.window.key ? -1 : 1))[0]!
    const key = { ...EMPTY_KEY, destinationService: group.owner }
    const verdict = 'path changed: most callers shifted at once, as when a destination moves'
    const names = alarms.map(({ window }) => sourceName(window.pair))
    const evidence = this.#evidence(group, most, verdict)
    return finding(group, {
      detector: NAME,
      kind: 'path_changed',
      severity: 'warning',
      key,
      cause: `${NAME}|destination|${group.owner}`,
      quietUs: 3 * MINUTE,
      summary: `Calls of ${alarms.length} callers to ${group.owner} take up to ${milliseconds(most.shift)} longer than usual; ${verdict}`,
      technique: '',
      evidence: {
        ...evidence,
        facts: { ...evidence.facts, callers: [...new Set(names)].slice(0, 8).join(', ') },
        sql: callsSql({ from: group.start - HOUR, to: group.end, key }),
      },
    })
  }

  /**
   * The level follows slow change; the anchor shows how far it has come: to twice the anchor, or three times the smallest shift
   * that would be found. Three days of it outlast a rhythm. Only the gap is judged so: durations drift with what a service does.
   */
  #drift(group: WindowGroup, judged: Judged): Finding[] {
    const { memory, window, needed, signal } = judged
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
    const verdict = 'slow drift: the gap grew little by little'
    const key = pairFindingKey(window.pair)
    return [
      finding(group, {
        detector: NAME,
        kind: SLOW_DRIFT,
        severity: 'warning',
        key,
        cause: `${NAME}|source|${key.sourceIdentity || key.sourceAddress}`,
        quietUs: DRIFT_QUIET_US,
        summary: `Between ${sourceName(window.pair)} and ${window.pair.destinationService} calls have come to take ${milliseconds(drifted)} longer over days`,
        technique: 'T1557',
        evidence: {
          ...this.#evidence(group, judged, verdict),
          observed: average(level.mean),
          expected: level.anchor,
          detectable: least,
          firstSeen: memory.driftSince,
        },
      }),
    ]
  }

  #evidence(group: WindowGroup, judged: Judged, verdict: string): Finding['evidence'] {
    const { window, memory, scale, values, signal, deviation, needed, stepUs, samples } = judged
    const { level, since } = memory[scale]
    return {
      observed: average(values),
      expected: average(level.mean),
      unit: 'microseconds',
      p: null,
      detectable: needed,
      baselineSamples: level.samples,
      baselineSince: group.pairSince(window.key),
      dispersion: deviation,
      firstSeen: since || group.start,
      lastSeen: window.last,
      verdict,
      blind: blindness(signal, stepUs),
      examples: window.examples.any ?? [],
      facts: {
        signal: SIGNALS[signal],
        judged_per: scale,
        calls_joined: samples,
        calls_ambiguous: window.latency.ambiguous,
        q10_us: Math.round(values[0]!),
        q25_us: Math.round(values[1]!),
        q50_us: Math.round(values[2]!),
        usual_q10_us: Math.round(level.mean[0]!),
        usual_q25_us: Math.round(level.mean[1]!),
        usual_q50_us: Math.round(level.mean[2]!),
      },
      sql: callsSql({
        from: group.start - HOUR,
        to: group.end,
        key: pairFindingKey(window.pair),
        where: ["outcome = 'ok'"],
      }),
    }
  }
}

const SIGNALS: Record<Signal, string> = {
  gap: 'gap of calls joined by request id',
  difference: "difference of both ends' durations",
  caller: "the caller's durations",
}

function freshScale(): ScaleMemory {
  return { level: freshLevel(3), run: 0, since: 0, last: 0 }
}

function freshMemory(signal: Signal): PairMemory {
  return {
    signal,
    window: freshScale(),
    minute: freshScale(),
    gathering: { start: 0, samples: 0, sums: [0, 0, 0], median: 0, stepUs: 1 },
    driftTold: 0,
  }
}

/** The best signal the window has. Whole milliseconds are read by their mean: their quantiles jump. */
function signalOf({
  latency,
}: PairWindow): { signal: Signal; values: number[]; samples: number; stepUs: number } | undefined {
  const { gap, source, destination } = latency
  const low = (of: Quantiles) => (of.stepUs > 1 ? [of.mean, of.mean, of.mean] : [of.q10, of.q25, of.q50])
  if (gap !== null) return { signal: 'gap', values: low(gap), samples: gap.samples, stepUs: gap.stepUs }
  if (source === null) return undefined
  const stepUs = Math.max(source.stepUs, destination?.stepUs ?? 1)
  if (destination === null) return { signal: 'caller', values: low(source), samples: source.samples, stepUs }
  const theirs = low(destination)
  const values = low(source).map((value, i) => value - theirs[i]!)
  return { signal: 'difference', values, samples: Math.min(source.samples, destination.samples), stepUs }
}

/** The window itself, where it holds enough calls, and the minute that ended before it. */
function read(group: WindowGroup, window: PairWindow): Reading[] {
  const found = signalOf(window)
  if (found === undefined || window.incomplete) return []
  const { signal, values, samples, stepUs } = found
  const memory = group.pair<PairMemory>(window.key, () => freshMemory(signal))
  if (memory.signal !== signal) Object.assign(memory, freshMemory(signal))
  const median = window.latency.source?.q50 ?? 0
  const readings: Reading[] = []
  const minute = Math.floor(group.start / MINUTE) * MINUTE
  const { gathering } = memory
  if (gathering.start !== minute) {
    if (gathering.samples >= MIN_MINUTE_SAMPLES) {
      const mean = (sum: number) => sum / gathering.samples
      readings.push({
        window,
        memory,
        scale: 'minute',
        signal,
        values: gathering.sums.map(mean),
        samples: gathering.samples,
        median: mean(gathering.median),
        stepUs: gathering.stepUs,
      })
    }
    memory.gathering = { start: minute, samples: 0, sums: [0, 0, 0], median: 0, stepUs: 1 }
  }
  const now = memory.gathering
  now.samples += samples
  now.sums = now.sums.map((sum, i) => sum + values[i]! * samples)
  now.median += median * samples
  now.stepUs = Math.max(now.stepUs, stepUs)
  if (samples >= MIN_SAMPLES)
    readings.push({ window, memory, scale: 'window', signal, values, samples, median, stepUs })
  return readings
}

/** What all callers of the destination share, from at least three others. A joined gap needs none: the callee's share cancels. */
function commonMode(reading: Reading, readings: readonly Reading[]): number {
  if (reading.signal === 'gap') return 0
  const peers = readings.filter(
    ({ window, scale, signal, memory }) =>
      window.key !== reading.window.key &&
      scale === reading.scale &&
      signal === reading.signal &&
      memory[scale].level.samples >= LEARNED,
  )
  if (peers.length < MIN_PEERS) return 0
  return medianOf(peers.map(({ values, memory, scale }) => average(values) - average(memory[scale].level.mean)))
}

/** True where each quantile grew by its own share, which load does, rather than all by the same time. */
function isProportional(values: readonly number[], before: readonly number[]): boolean {
  const grown = values.map((value, i) => value - before[i]!)
  const [low, , high] = before
  if (low! <= 0 || high! / low! < 1.3) return false
  const share = average(grown) / average(before)
  const error = (expected: (i: number) => number) => grown.reduce((sum, g, i) => sum + Math.abs(g - expected(i)), 0)
  return error((i) => share * before[i]!) < error(() => average(grown))
}

function blindness(signal: Signal, stepUs: number): string {
  const parts: string[] = []
  if (stepUs > 1) parts.push('durations are whole milliseconds: shifts of a few milliseconds stay unseen')
  if (signal === 'difference') parts.push('calls could not be joined by request id')
  if (signal === 'caller') parts.push('only the caller reports durations: load on the destination looks the same')
  parts.push('a move to another zone looks the same')
  return parts.join('; ')
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`
}
