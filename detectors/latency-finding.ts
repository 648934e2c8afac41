/** What a shift of the time between two proxies is told as. */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Evidence, Finding, Severity, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { EMPTY_KEY, finding, pairFindingKey, sourceName } from './finding.ts'
import type { Reading, Signal } from './latency-reading.ts'
import { DRIFT_QUIET_US, SLOW_DRIFT } from './slow-drift.ts'
import { average } from './stats/level.ts'
import { counted, listed } from './wording.ts'

export const LATENCY_SHIFT = 'latency_shift'
const QUIET_US = 3 * MINUTE

export interface Judged extends Reading {
  shift: number
  deviation: number
  needed: number
  alarm: boolean
}

export function addedDelay(group: WindowGroup, judged: Judged): Finding {
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
    detector: LATENCY_SHIFT,
    kind: load ? 'load_shift' : 'added_delay',
    severity,
    key,
    cause: `${LATENCY_SHIFT}|source|${key.sourceIdentity || key.sourceAddress}`,
    quietUs: QUIET_US,
    summary:
      `Between ${sourceName(window.pair)} and ${window.pair.destinationService} calls take ${milliseconds(judged.shift)} longer than usual ` +
      `(${milliseconds(average(values))} against ${milliseconds(average(before))}); ${verdict}`,
    technique: load ? '' : 'T1557',
    evidence: evidenceOf(group, judged, verdict),
  })
}

export function changedPath(group: WindowGroup, alarms: readonly Judged[]): Finding {
  const most = [...alarms].sort((a, b) => b.shift - a.shift || (a.window.key < b.window.key ? -1 : 1))[0]!
  const key = { ...EMPTY_KEY, destinationService: group.owner }
  const verdict = 'path changed: most callers shifted at once, as when a destination moves'
  const callers = [...new Set(alarms.map(({ window }) => sourceName(window.pair)))]
  const evidence = evidenceOf(group, most, verdict)
  return finding(group, {
    detector: LATENCY_SHIFT,
    kind: 'path_changed',
    severity: 'warning',
    key,
    cause: `${LATENCY_SHIFT}|destination|${group.owner}`,
    quietUs: QUIET_US,
    summary: `Calls of ${counted(callers.length, 'caller')} to ${group.owner} take up to ${milliseconds(most.shift)} longer than usual; ${verdict}`,
    technique: '',
    evidence: {
      ...evidence,
      facts: { ...evidence.facts, callers: listed(callers, 8) },
      sql: callsSql({ from: group.start - HOUR, to: group.end, key }),
    },
  })
}

/** @param least how far the minutes' level must be from its anchor to be told */
export function driftedGap(group: WindowGroup, judged: Judged, least: number): Finding {
  const { memory, window } = judged
  const { level } = memory.minute
  const observed = average(level.mean)
  const verdict = 'slow drift: the gap grew little by little'
  const key = pairFindingKey(window.pair)
  return finding(group, {
    detector: LATENCY_SHIFT,
    kind: SLOW_DRIFT,
    severity: 'warning',
    key,
    cause: `${LATENCY_SHIFT}|source|${key.sourceIdentity || key.sourceAddress}`,
    quietUs: DRIFT_QUIET_US,
    summary: `Between ${sourceName(window.pair)} and ${window.pair.destinationService} calls have come to take ${milliseconds(observed - level.anchor)} longer over days`,
    technique: 'T1557',
    evidence: {
      ...evidenceOf(group, judged, verdict),
      observed,
      expected: level.anchor,
      detectable: least,
      firstSeen: memory.driftSince ?? group.start,
    },
  })
}

function evidenceOf(group: WindowGroup, judged: Judged, verdict: string): Evidence {
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

const SIGNALS: Record<Signal, string> = {
  gap: 'gap of calls joined by request id',
  difference: "difference of both ends' durations",
  caller: "the caller's durations",
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
