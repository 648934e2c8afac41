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

/** `windows` in order of trust and key, all of one owner and one end. */
export function judge(
  detectors: readonly NamedDetector[],
  state: KeyedState,
  occasion: Occasion,
  windows: readonly PairWindow[],
): Finding[] {
  const { late } = occasion
  const findings: Finding[] = []
  for (const { name, detector } of detectors) {
    const group = new Group(name, state, occasion, windows)
    findings.push(...(late ? (detector.onLate?.(group) ?? []) : detector.onWindow(group)))
  }
  return findings
}

class Group implements WindowGroup {
  readonly owner: string
  readonly start: number
  readonly end: number
  readonly watchedSince: number
  readonly late: boolean
  readonly windows: readonly PairWindow[]
  readonly #detector: string
  readonly #state: KeyedState

  constructor(detector: string, state: KeyedState, occasion: Occasion, windows: readonly PairWindow[]) {
    this.owner = occasion.owner
    this.start = occasion.start
    this.end = occasion.end
    this.watchedSince = occasion.watchedSince
    this.late = occasion.late
    this.windows = windows
    this.#detector = detector
    this.#state = state
  }

  get ownerSince(): number {
    return this.#state.ownerSince(this.owner) ?? this.start
  }

  pairSince(key: string): number {
    return this.#state.pairSince(this.owner, key) ?? this.start
  }

  activePairs(time: number): number {
    return this.#state.activePairs(this.owner, time)
  }

  pair<T extends object>(key: string, fresh: () => T): T {
    return this.#state.pair(this.owner, key, this.#detector, fresh)
  }

  own<T extends object>(fresh: () => T): T {
    return this.#state.own(this.owner, this.#detector, fresh)
  }
}
