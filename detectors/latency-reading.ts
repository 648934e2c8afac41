/**
 * What a pair's windows and minutes show of the time between two proxies: the best signal they hold, and what of it all callers of
 * the destination share.
 */
import { MINUTE } from '../core/clock.ts'
import type { WindowGroup } from './detector.ts'
import { average, freshLevel, type Level, medianOf } from './stats/level.ts'
import type { PairWindow, Quantiles } from './window.ts'

/** Calls a window needs to be judged by itself, and a minute needs. */
const MIN_SAMPLES = 5
const MIN_MINUTE_SAMPLES = 8
/** Values a level needs before anything is measured by it. */
const LEARNED = 60
export const MIN_PEERS = 3

export type Signal = 'gap' | 'difference' | 'caller'
export type Scale = 'window' | 'minute'

export interface ScaleMemory {
  level: Level
  /** Consecutive values that showed a shift, the first of them, and the last. */
  run: number
  since: number
  last: number
}

export interface PairMemory {
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
export interface Reading {
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

export function isLearned({ memory, scale }: Reading): boolean {
  return memory[scale].level.samples >= LEARNED
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
export function read(group: WindowGroup, window: PairWindow): Reading[] {
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
export function commonMode(reading: Reading, readings: readonly Reading[]): number {
  if (reading.signal === 'gap') return 0
  const peers = readings.filter(
    (peer) =>
      peer.window.key !== reading.window.key &&
      peer.scale === reading.scale &&
      peer.signal === reading.signal &&
      isLearned(peer),
  )
  if (peers.length < MIN_PEERS) return 0
  return medianOf(peers.map(({ values, memory, scale }) => average(values) - average(memory[scale].level.mean)))
}
