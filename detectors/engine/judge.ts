/** Runs detectors over what closed, owner by owner, in a fixed order, and keeps what they remember. */
import type { Detector, Finding, WindowGroup } from '../detector.ts'
import type { PairWindow } from '../window.ts'
import type { KeyedState } from './state.ts'

export interface NamedDetector {
  name: string
  detector: Detector
}

export interface Occasion {
  owner: string
  start: number
  end: number
  watchedSince: number
  late: boolean
}

/** `windows` in order of key, all of one owner and one end. */
export function judge(
  detectors: readonly NamedDetector[],
  state: KeyedState,
  occasion: Occasion,
  windows: readonly PairWindow[],
): Finding[] {
  const { owner, start } = occasion
  if (!occasion.late) {
    for (const { key, trust } of windows) if (trust === 'verified') state.seen(owner, key, start)
  }
  return detectors.flatMap(({ name, detector }) => {
    const group: WindowGroup = {
      ...occasion,
      windows,
      ownerSince: state.ownerSince(owner) ?? start,
      pairSince: (key) => state.pairSince(owner, key) ?? start,
      activePairs: (time) => state.activePairs(owner, time),
      pair: (key, fresh) => state.pair(owner, key, name, fresh),
      own: (fresh) => state.own(owner, name, fresh),
    }
    return occasion.late ? (detector.onLate?.(group) ?? []) : detector.onWindow(group)
  })
}
