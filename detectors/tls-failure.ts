/**
 * Failed handshakes, told apart by what they mean (tls-verdict.ts), and identities used from where they do not live. A failed
 * handshake is counted once: per class the larger of both ends' counts, and what the refusing end says of the reason holds.
 * Attribution: a fault of the caller makes one incident per caller, however many destinations refuse it; a fault of the
 * destination, or the same failure at most of its callers, makes one per destination (docs/decisions/023-tls-attribution.md).
 * Blind where listeners do not log and callers' proxies do not report. Memory: about 600 bytes a pair.
 */
import { z } from 'zod'
import { SECOND } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Finding, WindowGroup } from './detector.ts'
import { sourceName } from './finding.ts'
import { handshakeRate } from './handshake-rate.ts'
import { plaintextDowngrade } from './plaintext-downgrade.ts'
import { alarmProbability } from './stats/multiplicity.ts'
import type { RateRule } from './stats/rate-model.ts'
import { copiedCertificate, stolenIdentity } from './stolen-identity.ts'
import { countFailures, failureClass } from './tls-count.ts'
import { activeCallers, destinationFindings, fansOf, type Hit } from './tls-destination.ts'
import { callerFinding, TLS_FAILURE } from './tls-finding.ts'
import {
  addRecent,
  destinationMemory,
  FAN_US,
  type PairMemory,
  pairMemory,
  rememberFailing,
  rememberIssuers,
  rememberPair,
  rememberPresented,
} from './tls-memory.ts'
import { fanVerdictOf, type Verdict, verdictOf, withoutHistory } from './tls-verdict.ts'
import type { PairWindow, TlsTally } from './window.ts'
import { counted } from './wording.ts'

export const TlsFailureConfig = z.strictObject({
  minFailures: z
    .number()
    .int()
    .positive()
    .default(3)
    .describe('Fewest failures in a window that can be a rise of the rate.'),
  minIncrease: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('Smallest increase of the failed share of handshakes that matters, as a fraction.'),
  fanCallers: z
    .number()
    .int()
    .min(2)
    .default(3)
    .describe('Callers of one destination that must fail alike before it is taken for a fault of the destination.'),
  fanShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of the active callers that must fail alike for the same.'),
  knownScanners: z
    .array(z.string())
    .max(1000)
    .default([])
    .describe('Addresses or identities of scanners and probes: what they do wrong informs, and pages nobody.'),
})
type Config = z.infer<typeof TlsFailureConfig>

const SCALES = 3
/** A caller known to be good is not called an impostor before others had so long to fail as well. */
const HOLD_US = 20 * SECOND

export const tlsFailure: DetectorDefinition = {
  name: TLS_FAILURE,
  stage: 'destination',
  build: (config) => new TlsFailureDetector(config.tlsFailure, alarmProbability(config, SCALES)),
}

class TlsFailureDetector implements Detector {
  readonly #config: Config
  readonly #rule: RateRule

  constructor(config: Config, p0: number) {
    this.#config = config
    this.#rule = { p0, minHits: config.minFailures, minRatio: 3, minDifference: config.minIncrease }
  }

  onWindow(group: WindowGroup): Finding[] {
    const destination = destinationMemory(group)
    rememberIssuers(destination, group)
    const judged = group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return []
      const memory = pairMemory(group, window)
      return [{ window, memory, hits: this.#hits(window, memory) }]
    })
    const hits = judged.flatMap((one) => one.hits)
    rememberFailing(destination, group.start, hits)
    const fans = fansOf(group, destination, this.#config)
    const presented = rememberPresented(destination, group)
    const findings = judged.flatMap(({ window, memory, hits: own }) => {
      const found = [
        ...own.flatMap((hit) => this.#caller(group, memory, hit, fans)),
        ...handshakeRate(group, window, memory, this.#rule, own),
        ...plaintextDowngrade(group, window, memory),
      ]
      rememberPair(memory, window, group.start)
      return found
    })
    findings.push(...destinationFindings(group, destination, hits, fans))
    findings.push(
      ...group.windows.flatMap((window) => stolenIdentity(group, window, presented, this.#isScanner(window))),
      // One certificate that all callers share, and that all are refused with, was not stolen.
      ...hits
        .filter(({ window, failures }) => !fans.has(failureClass(failures.tally)) && !this.#isScanner(window))
        .flatMap(({ window, failures }) => copiedCertificate(group, window, failures, presented)),
    )
    findings.push(
      ...group.windows.flatMap((window) => (window.trust === 'claimed' ? this.#claimed(group, window) : [])),
    )
    return findings
  }

  /** Late records are judged by class alone: no rates, no fans. */
  onLate(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const judged = this.#hits(window, pairMemory(group, window)).flatMap(({ failures, verdict }) => {
        const certain = !verdict.byRate && failures.count >= verdict.least
        return certain ? [callerFinding(group, window, verdict, failures)] : []
      })
      return [...judged, ...stolenIdentity(group, window, [], this.#isScanner(window))]
    })
  }

  #hits(window: PairWindow, memory: PairMemory): Hit[] {
    return countFailures(window).map((failures) => {
      const verdict = this.#verdict(window, failures.tally, memory)
      return { window, failures, verdict }
    })
  }

  /** What one caller's failures say of that caller. */
  #caller(group: WindowGroup, memory: PairMemory, hit: Hit, fans: ReadonlySet<string>): Finding[] {
    const { window, failures, verdict } = hit
    const { tally, count } = failures
    const name = failureClass(tally)
    if (verdict.byRate || verdict.fault === 'destination') return []
    if (fans.has(name) && fanVerdictOf(verdict, tally.failure) !== undefined) return []
    const minute = addRecent(memory, name, group.start, count)
    if (minute < verdict.least) return []
    if (verdict.kind === 'impostor' && this.#hold(group, memory, name)) return []
    return [callerFinding(group, window, verdict, failures, minute)]
  }

  /**
   * A caller that was good before may be the first of many in a botched rotation: wait a moment, and see. Only where a fan is
   * possible, which also makes sure that further windows come.
   */
  #hold(group: WindowGroup, memory: PairMemory, failure: string): boolean {
    if (memory.mutual === 0 || activeCallers(group) < this.#config.fanCallers) return false
    if (memory.held === undefined || memory.held.failure !== failure || group.start - memory.held.start > FAN_US) {
      memory.held = { failure, start: group.start }
    }
    return group.start - memory.held.start < HOLD_US
  }

  #claimed(group: WindowGroup, window: PairWindow): Finding[] {
    const failures = countFailures(window)
    const count = failures.reduce((sum, failure) => sum + failure.count, 0)
    if (count < this.#config.minFailures) return []
    const verdict = verdictOf(failures[0]!.tally)
    const claimed: Verdict = { ...verdict, kind: 'claimed', severity: 'info', byRate: false }
    const summary = `An unverified sender reports ${counted(count, 'failed handshake')} of ${sourceName(window.pair)} with ${window.pair.destinationService}`
    return [callerFinding(group, window, claimed, failures[0]!, count, summary)]
  }

  #verdict(window: PairWindow, tally: TlsTally, memory: PairMemory): Verdict {
    const verdict = memory.mutual > 0 ? verdictOf(tally) : withoutHistory(verdictOf(tally))
    return this.#isScanner(window) ? { ...verdict, severity: 'info' } : verdict
  }

  #isScanner({ pair }: PairWindow): boolean {
    const { knownScanners } = this.#config
    return (
      knownScanners.length > 0 && [pair.sourceIdentity, pair.sourceAddress].some((name) => knownScanners.includes(name))
    )
  }
}
