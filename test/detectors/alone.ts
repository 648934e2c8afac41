/** One detector over windows made by hand, with the engine's own memory and no log: days of them in seconds. */
import { DetectorsConfig } from '../../detectors/config.ts'
import type { DetectorDefinition, Finding } from '../../detectors/detector.ts'
import { judge } from '../../detectors/engine/judge.ts'
import { KeyedState } from '../../detectors/engine/state.ts'
import { type PairKey, type PairWindow, pairKeyText, type Tally, WINDOW_US } from '../../detectors/window.ts'

export function alone(definition: DetectorDefinition): (windows: readonly PairWindow[]) => Finding[] {
  const detectors = [{ name: definition.name, detector: definition.build(DetectorsConfig.parse({})) }]
  const state = new KeyedState({ pairsPerOwner: 100, pairs: 100 })
  let watchedSince = 0
  return (windows) => {
    const { start, end, pair } = windows[0]!
    watchedSince ||= start
    for (const { key, trust } of windows) if (trust === 'verified') state.seen(pair.destinationService, key, start)
    return judge(detectors, state, { owner: pair.destinationService, start, end, watchedSince, late: false }, windows)
  }
}

/** A verified window of one pair in which nothing happened yet. */
export function pairWindow(start: number, pair: Partial<PairKey>, change: Partial<PairWindow> = {}): PairWindow {
  const whole: PairKey = {
    sourceIdentity: '',
    sourceWorkload: '',
    sourceNamespace: '',
    sourceAddress: '',
    destinationService: 'payment.shop',
    ...pair,
  }
  return {
    trust: 'verified',
    pair: whole,
    key: pairKeyText(whole),
    start,
    end: start + WINDOW_US,
    destinationIdentities: [],
    destinationNamespace: 'shop',
    peerIssuers: [],
    sourceKnownBy: 'identity',
    tallies: [],
    denials: [],
    tls: [],
    mismatches: [],
    paths: [],
    overflow: { paths: 0, denials: 0, tls: 0, mismatches: 0 },
    latency: { source: null, destination: null, gap: null, ambiguous: 0 },
    examples: {},
    first: start,
    last: start + WINDOW_US - 1,
    incomplete: false,
    ...change,
  }
}

export function tally(change: Partial<Tally>): Tally {
  return {
    reporter: 'destination',
    outcomes: [0, 0, 0, 0, 0, 0],
    connections: 0,
    plaintext: 0,
    mutual: 0,
    bytesReceived: 0,
    bytesSent: 0,
    durationUs: 0,
    ...change,
  }
}
