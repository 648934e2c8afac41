/**
 * One source denied at many destinations. Counts destinations within five minutes that denied the source and never answered it
 * before: a policy that suddenly denies a source at the services it always used is a broken policy, not a scan, and is told as
 * denials. The usual number is learned (negative binomial). Runs by source. Memory: the destinations of the last five minutes,
 * at most 256, and 16 bytes for each that answers.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, WindowGroup } from './detector.ts'
import { callsSql } from './evidence-sql.ts'
import { EMPTY_KEY, finding, sourceName } from './finding.ts'
import { fingerprint53 } from './hash.ts'
import { alarmProbability } from './stats/multiplicity.ts'
import { negativeBinomialTail } from './stats/tails.ts'
import { countOnce, OTHER, type PairWindow } from './window.ts'
import { counted, listed } from './wording.ts'

export const DenialScanConfig = z.strictObject({
  minDestinations: z
    .number()
    .int()
    .min(2)
    .default(5)
    .describe('Destinations within five minutes that must deny a source, and never have answered it, to make a scan.'),
})

const NAME = 'denial_spike'
const SPAN_US = 5 * MINUTE
const MAX_DENIED = 256
const MAX_ANSWERED = 2000
const LISTED = 12
/** Learning of the usual number: per five minutes, over about a day. */
const ALPHA = 1 / 288
const MEAN_START = 0.01
const DISPERSION = 1

interface SourceMemory {
  /** Destinations that denied it lately: name, last window, denials. */
  denied: [destination: string, start: number, count: number][]
  /** Destinations that answered it, and when first. */
  answered: [destination: number, first: number][]
  mean: number
  learnedAt: number
  told: number
}

export const denialScan: DetectorDefinition = {
  name: 'denial_scan',
  stage: 'source',
  build: (config) => new DenialScan(config.denialScan.minDestinations, alarmProbability(config, 1)),
}

class DenialScan implements Detector {
  readonly #min: number
  readonly #p0: number

  constructor(min: number, p0: number) {
    this.#min = min
    this.#p0 = p0
  }

  onWindow(group: WindowGroup): Finding[] {
    const memory = group.own<SourceMemory>(freshMemory)
    const verified = group.windows.filter(({ trust, pair }) => trust === 'verified' && pair.sourceIdentity !== OTHER)
    const before = memory.denied.length
    memory.denied = memory.denied.filter(([, start]) => start > group.start - SPAN_US)
    const added = verified.filter((window) => note(memory, window, group.start))
    const count = memory.denied.length
    const p = negativeBinomialTail(count, memory.mean, DISPERSION)
    const alarm = added.length > 0 && count >= this.#min && p < this.#p0
    if (group.start - memory.learnedAt >= SPAN_US) {
      // A scan must not teach that scans are usual.
      const usual = Math.min(Math.max(before, count), Math.ceil(3 * memory.mean))
      memory.mean +=
        ALPHA * ((alarm || memory.told > group.start - DAY ? usual : Math.max(before, count)) - memory.mean)
      memory.mean = Math.max(MEAN_START, memory.mean)
      memory.learnedAt = group.start
    }
    if (!alarm) return []
    memory.told = group.start
    return [this.#finding(group, memory, added, p)]
  }

  #finding(group: WindowGroup, memory: SourceMemory, added: readonly PairWindow[], p: number): Finding {
    const { pair } = added[0]!
    const key = { ...EMPTY_KEY, ...pair, destinationService: '' }
    const names = memory.denied.map(([destination]) => destination).sort()
    const destinations = listed(names, LISTED)
    const watched = group.start - group.watchedSince >= DAY
    return finding(group, {
      detector: NAME,
      kind: 'scan',
      severity: watched ? 'critical' : 'warning',
      key,
      cause: `${NAME}|scan|${pair.sourceIdentity || pair.sourceAddress}`,
      quietUs: DAY,
      summary: `${sourceName(pair)} was denied at ${counted(names.length, 'service')} it never used, within five minutes: ${destinations}`,
      technique: 'T1046',
      evidence: {
        observed: names.length,
        expected: memory.mean,
        unit: 'destinations',
        p,
        detectable: this.#min,
        baselineSamples: memory.answered.length,
        baselineSince: group.ownerSince,
        dispersion: DISPERSION,
        firstSeen: Math.min(...memory.denied.map(([, start]) => start)),
        lastSeen: Math.max(...added.map(({ last }) => last)),
        verdict: 'scan: many destinations that never answered it deny it',
        blind: watched ? '' : 'watched for less than a day: what it usually calls is not known yet',
        examples: added.flatMap(({ examples }) => examples.denied ?? []).slice(0, 3),
        facts: { destinations, denials: memory.denied.reduce((sum, [, , n]) => sum + n, 0) },
        sql: callsSql({ from: group.end - HOUR, to: group.end, key, where: ["outcome = 'denied'"] }),
      },
    })
  }
}

function freshMemory(): SourceMemory {
  return { denied: [], answered: [], mean: MEAN_START, learnedAt: 0, told: 0 }
}

/** True where the window shows a destination that denied the source and never answered it. */
function note(memory: SourceMemory, window: PairWindow, start: number): boolean {
  const { denied, outcomes } = countOnce(window)
  const [ok = 0, clientError = 0, serverError = 0] = outcomes
  const name = window.pair.destinationService
  const thing = fingerprint53(name)
  const first = memory.answered.find(([destination]) => destination === thing)
  const answers = ok + clientError + serverError
  if (answers > 0 && first === undefined && memory.answered.length < MAX_ANSWERED) memory.answered.push([thing, start])
  // An answer of the same hour may be the scanner's own.
  if (denied === 0 || (first !== undefined && first[1] <= start - HOUR)) return false
  const own = memory.denied.find(([destination]) => destination === name)
  if (own !== undefined) {
    own[1] = start
    own[2] += denied
    return false
  }
  if (memory.denied.length >= MAX_DENIED) return false
  memory.denied.push([name, start, denied])
  return true
}
