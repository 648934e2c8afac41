/**
 * A source calls a destination it never called. Allowed by the declared graph: for information. Where no graph decides, surprise
 * ranks it: P(new | s) = (1 + 0.3 d) / (1 + n) for a source with n calls (decayed over a day) and d destinations, after Sanna
 * Passino and Heard, "Modelling dynamic network evolution as a Pitman-Yor process" (2019). Runs by source, because only there are
 * all its destinations seen. Says nothing in the first day of watching. Memory: 9 bytes a destination, at most 2000 a source.
 */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, Severity, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { finding, pairFindingKey, sourceName } from './finding.ts'
import { fingerprint53 } from './hash.ts'
import { NEW_PATH } from './new-path.ts'
import { alarmed, freshQuarantine, observe, type Quarantine } from './stats/quarantine.ts'
import { countOnce, OTHER, type PairWindow, WINDOW_US } from './window.ts'
import { counted } from './wording.ts'

const THETA = 1
const SIGMA = 0.3
const DECAY = 1 - 1 / 8640
const CAPS = { known: 2000, waiting: 256 }
const BURST_US = 10 * MINUTE

interface SourceMemory {
  destinations: Quarantine
  calls: number
  last: number
  /** Windows of the pairs that were new within the last ten minutes. */
  formed: number[]
}

export const newPair: DetectorDefinition = {
  name: NEW_PATH,
  stage: 'source',
  build: ({ newPath: { newPairScore, burstPairs } }) => new NewPair(newPairScore, burstPairs),
}

class NewPair implements Detector {
  readonly #minScore: number
  readonly #burst: number

  constructor(minScore: number, burst: number) {
    this.#minScore = minScore
    this.#burst = burst
  }

  onWindow(group: WindowGroup): Finding[] {
    const memory = group.own<SourceMemory>(() => ({ destinations: freshQuarantine(), calls: 0, last: 0, formed: [] }))
    const idle = memory.last === 0 ? 0 : Math.round((group.start - memory.last) / WINDOW_US)
    memory.calls *= DECAY ** idle
    memory.last = group.start
    memory.formed = memory.formed.filter((start) => start > group.start - BURST_US)
    const before = {
      calls: memory.calls,
      destinations: memory.destinations.known.length + memory.destinations.waiting.length,
    }
    const fresh = group.windows.flatMap((window) => {
      const calls = window.trust === 'claimed' || window.pair.sourceIdentity === OTHER ? 0 : answered(window)
      if (calls === 0) return []
      memory.calls += calls
      const thing = fingerprint53(window.pair.destinationService)
      const standing = observe(memory.destinations, thing, group.start, calls, CAPS)
      return standing === 'new' ? [{ window, calls, thing }] : []
    })
    if (fresh.length === 0 || group.start - group.watchedSince < DAY) return []
    memory.formed.push(...fresh.map(() => group.start))
    const burst = memory.formed.length >= this.#burst
    return fresh.flatMap(({ window, calls, thing }) => {
      alarmed(memory.destinations, thing, group.start)
      // What the graph forbids is outside_graph, and said by the destination's side already.
      return isForbidden(window) ? [] : [this.#finding(group, window, calls, before, burst)]
    })
  }

  #finding(
    group: WindowGroup,
    window: PairWindow,
    calls: number,
    before: { calls: number; destinations: number },
    burst: boolean,
  ): Finding {
    const probability = (THETA + SIGMA * before.destinations) / (THETA + before.calls)
    const score = -Math.log10(Math.min(1, probability))
    const allowed = window.paths.some((path) => path.allowed > 0)
    const known = group.start - group.ownerSince >= DAY
    const surprising = !allowed && known && (score >= this.#minScore || burst)
    const severity: Severity = surprising ? 'warning' : 'info'
    const key = pairFindingKey(window.pair)
    const verdict = allowed
      ? 'new, allowed by policy'
      : surprising
        ? 'new and surprising; no policy decides'
        : 'new; no policy decides'
    return finding(group, {
      detector: NEW_PATH,
      kind: 'new_pair',
      severity,
      key,
      cause: `${NEW_PATH}|new_pair|${key.sourceIdentity || key.sourceAddress}`,
      quietUs: DAY,
      summary: `${sourceName(window.pair)} called ${window.pair.destinationService} for the first time (${counted(calls, 'call')}); ${verdict}`,
      technique: surprising ? 'T1021' : '',
      evidence: {
        observed: score,
        expected: this.#minScore,
        unit: 'surprise (-log10 P)',
        p: Math.min(1, probability),
        detectable: null,
        baselineSamples: Math.round(before.calls),
        baselineSince: group.ownerSince,
        dispersion: null,
        firstSeen: window.first,
        lastSeen: window.last,
        verdict,
        blind: known ? '' : 'the source itself is new: nothing is usual for it yet',
        examples: window.examples.any ?? [],
        facts: { destinations_before: before.destinations },
        sql: callsSql({ from: group.start - HOUR, to: group.end, key }),
      },
    })
  }
}

/** Calls that found somebody: not denied, not failed, not answered 404 alone. Connections where nothing else is logged. */
function answered(window: PairWindow): number {
  const { outcomes, requests, handshakes, reporter } = countOnce(window)
  if (requests === 0) return Math.max(0, handshakes - window.tls.reduce((sum, { count }) => sum + count, 0))
  const [ok = 0, clientError = 0, serverError = 0] = outcomes
  // A caller cannot tell a destination's answer from a refusal on the way.
  if (reporter === 'source' || reporter === 'app') return ok
  const notFound = window.paths.reduce((sum, path) => sum + path.notFound, 0)
  return Math.max(0, ok + clientError + serverError - notFound)
}

function isForbidden(window: PairWindow): boolean {
  return window.paths.some(({ forbiddenOk, forbiddenOkBySource }) => forbiddenOk + forbiddenOkBySource > 0)
}
