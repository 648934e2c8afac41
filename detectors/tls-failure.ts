/**
 * Failed handshakes, told apart by what they mean (tls-verdict.ts), and identities used from where they do not live. A failed
 * handshake is counted once: per class the larger of both ends' counts, and what the refusing end says of the reason holds.
 * Attribution: a fault of the caller makes one incident per caller, however many destinations refuse it; a fault of the
 * destination, or the same failure at most of its callers, makes one per destination (docs/decisions/023-tls-attribution.md).
 * Blind where listeners do not log and callers' proxies do not report. Memory: about 500 bytes a pair.
 */
import { z } from 'zod'
import { DAY, HOUR, MINUTE, SECOND } from '../core/clock.ts'
import type { Detector, DetectorDefinition, Evidence, Finding, FindingKey, Severity, WindowGroup } from './detector.ts'
import { callsSql, literal } from './evidence-sql.ts'
import { EMPTY_KEY, finding, pairFindingKey, sourceName } from './finding.ts'
import { fingerprint53 } from './hash.ts'
import { slowDrift } from './slow-drift.ts'
import { alarmProbability } from './stats/multiplicity.ts'
import { DEFAULT_PRIOR } from './stats/rate.ts'
import { freshRateModel, isLearned, judgeRate, judgeSlowDrift, type RateModel } from './stats/rate-model.ts'
import { fanVerdictOf, type Verdict, verdictOf } from './tls-verdict.ts'
import { countOnce, type MismatchTally, type PairWindow, type TlsTally } from './window.ts'

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

const NAME = 'tls_failure'
const SCALES = 3
const FAN_US = 5 * MINUTE
const ACTIVE_US = 10 * MINUTE
/** A caller known to be good is not called an impostor before others had so long to fail as well. */
const HOLD_US = 20 * SECOND
const MAX_FANNED = 256
const MAX_ISSUERS = 16
const QUIET = { verdict: 10 * MINUTE, rate: MINUTE, intrusion: DAY }

const DRIFTING = {
  detector: NAME,
  hits: 'failed handshakes',
  trials: 'handshakes',
  technique: '',
  where: ["tls_failure != ''"],
}

/** Failures of the last minute. */
type Recent = [failure: string, start: number, count: number][]

interface PairMemory {
  /** Good handshakes or calls under mutual TLS. */
  mutual: number
  lastPlaintext: number
  rate?: RateModel
  recent?: Recent
  held?: { failure: string; start: number }
}

interface OwnerMemory {
  /** Callers that failed lately: class, fingerprint of the pair, window. */
  failing: [failure: string, pair: number, start: number][]
  /** Issuers of callers' certificates, and when each was first seen. */
  issuers: [issuer: string, since: number][]
  recent?: Recent
}

export const tlsFailure: DetectorDefinition = {
  name: NAME,
  stage: 'destination',
  build: (config) => new TlsFailureDetector(config.tlsFailure, alarmProbability(config, SCALES)),
}

/** One class of failure of a pair's window, counted once. */
interface Failure {
  tally: TlsTally
  count: number
}

class TlsFailureDetector implements Detector {
  readonly #config: Config
  readonly #p0: number

  constructor(config: Config, p0: number) {
    this.#config = config
    this.#p0 = p0
  }

  onWindow(group: WindowGroup): Finding[] {
    const owner = group.own<OwnerMemory>(() => ({ failing: [], issuers: [] }))
    rememberIssuers(owner, group)
    const verified = group.windows.filter(({ trust }) => trust === 'verified')
    const failures = verified.map((window) => ({ window, failures: countFailures(window) }))
    owner.failing = owner.failing.filter(([, , start]) => start > group.start - FAN_US)
    for (const { window, failures: own } of failures) {
      for (const { tally } of own) {
        if (owner.failing.length < MAX_FANNED)
          owner.failing.push([classOf(tally), fingerprint53(window.key), group.start])
      }
    }
    const fans = this.#fans(group, owner)
    const findings = failures.flatMap(({ window, failures: own }) => {
      const memory = group.pair<PairMemory>(window.key, freshMemory)
      const found = own.flatMap((failure) => this.#judge(group, window, memory, failure, fans))
      found.push(...this.#rate(group, window, memory, own), ...this.#plaintext(group, window, memory))
      learnPair(memory, window, group.start)
      return found
    })
    findings.push(...this.#ofDestination(group, failures, fans, owner))
    findings.push(...group.windows.flatMap((window) => this.#stolen(group, window)))
    findings.push(
      ...group.windows.flatMap((window) => (window.trust === 'claimed' ? this.#claimed(group, window) : [])),
    )
    return findings
  }

  /** Late records are judged by class alone: no rates, no fans. */
  onLate(group: WindowGroup): Finding[] {
    return group.windows.flatMap((window) => {
      if (window.trust === 'claimed') return this.#claimed(group, window)
      const judged = countFailures(window).flatMap((failure) => {
        const verdict = this.#verdict(window, failure.tally, group.pair<PairMemory>(window.key, freshMemory))
        const certain = !verdict.byRate && failure.count >= verdict.least
        return certain ? [this.#finding(group, window, verdict, failure)] : []
      })
      return [...judged, ...this.#stolen(group, window)]
    })
  }

  /** Classes that most callers of this destination show. */
  #fans(group: WindowGroup, owner: OwnerMemory): Set<string> {
    const callers = new Map<string, Set<number>>()
    for (const [failure, pair] of owner.failing) {
      callers.set(failure, (callers.get(failure) ?? new Set<number>()).add(pair))
    }
    const fans = new Set<string>()
    for (const [failure, pairs] of callers) {
      if (pairs.size < this.#config.fanCallers) continue
      if (pairs.size >= this.#config.fanShare * group.activePairs(group.start - ACTIVE_US)) fans.add(failure)
    }
    return fans
  }

  /** What one caller's failures say of that caller. */
  #judge(
    group: WindowGroup,
    window: PairWindow,
    memory: PairMemory,
    failure: Failure,
    fans: ReadonlySet<string>,
  ): Finding[] {
    const { tally, count } = failure
    const verdict = this.#verdict(window, tally, memory)
    if (verdict.byRate || verdict.fault === 'destination') return []
    if (fans.has(classOf(tally)) && fanVerdictOf(verdict, tally.failure) !== undefined) return []
    const minute = addRecent(memory, classOf(tally), group.start, count)
    if (minute < verdict.least) return []
    if (verdict.kind === 'impostor' && this.#hold(group, memory, classOf(tally))) return []
    return [this.#finding(group, window, verdict, failure, minute)]
  }

  /**
   * A caller that was good before may be the first of many in a botched rotation: wait a moment, and see. Only where a fan is
   * possible, which also makes sure that further windows come.
   */
  #hold(group: WindowGroup, memory: PairMemory, failure: string): boolean {
    if (memory.mutual === 0 || group.activePairs(group.start - ACTIVE_US) < this.#config.fanCallers) return false
    if (memory.held === undefined || memory.held.failure !== failure || group.start - memory.held.start > FAN_US) {
      memory.held = { failure, start: group.start }
    }
    return group.start - memory.held.start < HOLD_US
  }

  /** Faults of the destination itself: one finding a class and window, whoever was hit. */
  #ofDestination(
    group: WindowGroup,
    failures: readonly { window: PairWindow; failures: readonly Failure[] }[],
    fans: ReadonlySet<string>,
    owner: OwnerMemory,
  ): Finding[] {
    const byClass = new Map<string, { verdict: Verdict; hit: { window: PairWindow; failure: Failure }[] }>()
    for (const { window, failures: own } of failures) {
      for (const failure of own) {
        const { tally } = failure
        const memory = group.pair<PairMemory>(window.key, freshMemory)
        let verdict: Verdict | undefined = this.#verdict(window, tally, memory)
        if (verdict.byRate) continue
        if (verdict.fault === 'source')
          verdict = fans.has(classOf(tally)) ? fanVerdictOf(verdict, tally.failure) : undefined
        if (verdict === undefined) continue
        const entry = byClass.get(classOf(tally)) ?? { verdict, hit: [] }
        entry.hit.push({ window, failure })
        byClass.set(classOf(tally), entry)
      }
    }
    return [...byClass]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, { verdict, hit }]) => {
        const total = hit.reduce((sum, { failure }) => sum + failure.count, 0)
        const minute = addRecent(owner, name, group.start, total)
        return minute < verdict.least ? [] : [this.#destinationFinding(group, verdict, hit, minute, owner)]
      })
  }

  #destinationFinding(
    group: WindowGroup,
    verdict: Verdict,
    hit: readonly { window: PairWindow; failure: Failure }[],
    minute: number,
    owner: OwnerMemory,
  ): Finding {
    const { window, failure } = hit[0]!
    const key: FindingKey = { ...EMPTY_KEY, destinationService: group.owner }
    const callers = hit.map((one) => sourceName(one.window.pair))
    const newest = owner.issuers.reduce((latest, [, since]) => Math.max(latest, since), 0)
    const changed = owner.issuers.length > 1 && newest > group.start - DAY
    return this.#make(group, {
      verdict,
      key,
      incidentKey: key,
      summary: `${group.owner}: handshakes of ${hit.length === 1 ? callers[0] : `${hit.length} callers`} fail, ${minute} within a minute; ${verdict.text}`,
      observed: minute,
      first: Math.min(...hit.map((one) => one.failure.tally.first)),
      last: Math.max(...hit.map((one) => one.failure.tally.last)),
      examples: hit.flatMap((one) => one.window.examples.tls_failure ?? []).slice(0, 3),
      facts: {
        failure: failure.tally.failure,
        callers: callers.slice(0, 8).join(', '),
        active_callers: group.activePairs(group.start - ACTIVE_US),
        ...(changed ? { issuer_changed_hours_ago: Math.floor((group.start - newest) / HOUR) } : {}),
        ...certificateFacts(failure.tally),
      },
      blind: blindness(window),
      where: [`tls_failure = ${literal(failure.tally.failure)}`],
    })
  }

  /** Faults of protocol and time-outs happen: only a rise counts, among handshakes where they can be counted. */
  #rate(group: WindowGroup, window: PairWindow, memory: PairMemory, failures: readonly Failure[]): Finding[] {
    const own = failures.filter(({ tally }) => this.#verdict(window, tally, memory).byRate)
    const hits = own.reduce((sum, { count }) => sum + count, 0)
    const { handshakes } = countOnce(window)
    if (hits === 0 && handshakes === 0) return []
    memory.rate ??= freshRateModel()
    const trials = Math.max(handshakes, hits)
    const rule = {
      p0: this.#p0,
      minHits: this.#config.minFailures,
      minRatio: 3,
      minDifference: this.#config.minIncrease,
    }
    const counts = { start: group.start, hits, trials }
    const learned = isLearned(memory.rate.scales[0]!)
    const alarm = judgeRate(memory.rate, DEFAULT_PRIOR, rule, counts, learned)
    const drift = judgeSlowDrift(memory.rate, DEFAULT_PRIOR, rule, counts)
    if (drift !== undefined) return [slowDrift(group, window, drift, DRIFTING)]
    if (alarm === undefined) return []
    const first = own[0]!
    const verdict = this.#verdict(window, first.tally, memory)
    const summary =
      `${alarm.hits} of ${alarm.trials} handshakes of ${sourceName(window.pair)} with ${window.pair.destinationService} ` +
      `fail in ${alarm.scale.name}; ${verdict.text}`
    const made = this.#finding(group, window, { ...verdict, severity: 'warning' }, first, alarm.hits, summary)
    const { p, expected, detectable, dispersion } = alarm
    const baselineSamples = memory.rate.scales[0]!.samples
    return [
      {
        ...made,
        quietUs: QUIET.rate,
        evidence: { ...made.evidence, p, expected, detectable, dispersion, baselineSamples },
      },
    ]
  }

  /** A pair that always came with mutual TLS, and now without. */
  #plaintext(group: WindowGroup, window: PairWindow, memory: PairMemory): Finding[] {
    const tally = window.tallies.find(({ reporter }) => reporter === 'destination')
    if (tally === undefined || tally.plaintext === 0 || window.pair.sourceIdentity === '') return []
    const usual = group.start - group.pairSince(window.key) >= DAY && memory.mutual >= 100 && memory.lastPlaintext === 0
    if (!usual) return []
    const verdict: Verdict = {
      kind: 'downgrade',
      severity: 'warning',
      fault: 'source',
      text: 'plaintext from a workload that always came with mutual TLS',
      least: 1,
      byRate: false,
      technique: 'T1562',
    }
    return [
      this.#make(group, {
        verdict,
        key: pairFindingKey(window.pair),
        incidentKey: pairFindingKey(window.pair),
        summary: `${sourceName(window.pair)} calls ${window.pair.destinationService} in plaintext, ${tally.plaintext} times; it always used mutual TLS before`,
        observed: tally.plaintext,
        first: window.first,
        last: window.last,
        examples: window.examples.plaintext ?? [],
        facts: { mutual_before: memory.mutual },
        blind: blindness(window),
        where: ["tls_state = 'plaintext'"],
      }),
    ]
  }

  /** A server accepts any certificate its CA signed, so a stolen key never fails: but it comes from the wrong address. */
  #stolen(group: WindowGroup, window: PairWindow): Finding[] {
    if (window.mismatches.length === 0) return []
    const count = window.mismatches.reduce((sum, mismatch) => sum + mismatch.count, 0)
    const most = [...window.mismatches].sort((a, b) => b.count - a.count || (a.address < b.address ? -1 : 1))[0]!
    const claimed = window.trust === 'claimed'
    const severity: Severity = claimed || this.#isScanner(window) ? 'info' : 'critical'
    const key = pairFindingKey(window.pair)
    const name = sourceName({ ...window.pair, sourceWorkload: '', sourceNamespace: '' })
    return [
      this.#make(group, {
        verdict: {
          kind: claimed ? 'claimed_stolen_identity' : 'stolen_identity',
          severity,
          fault: 'source',
          text: `stolen identity: a valid certificate of ${window.pair.sourceIdentity} is used from ${most.address}, where ${most.addressIdentity} lives`,
          least: 1,
          byRate: false,
          technique: 'T1552.004',
        },
        key,
        incidentKey: { sourceIdentity: window.pair.sourceIdentity },
        summary: `The identity of ${name} is used from ${most.address}, the address of ${most.addressIdentity}, to call ${window.pair.destinationService} (${count} records)`,
        observed: count,
        first: Math.min(...window.mismatches.map(({ first }) => first)),
        last: Math.max(...window.mismatches.map(({ last }) => last)),
        examples: window.examples.mismatch ?? [],
        facts: mismatchFacts(most),
        blind: claimed
          ? 'reported by an unverified sender only'
          : 'rests on the declared inventory: an address it has wrong looks the same',
        where: ["source_address_identity != ''", 'source_address_identity != source_identity'],
      }),
    ]
  }

  #claimed(group: WindowGroup, window: PairWindow): Finding[] {
    const failures = countFailures(window)
    const count = failures.reduce((sum, failure) => sum + failure.count, 0)
    if (count < this.#config.minFailures) return []
    const verdict = verdictOf(failures[0]!.tally)
    const claimed: Verdict = { ...verdict, kind: 'claimed', severity: 'info', byRate: false }
    const summary = `An unverified sender reports ${count} failed handshakes of ${sourceName(window.pair)} with ${window.pair.destinationService}`
    return [this.#finding(group, window, claimed, failures[0]!, count, summary)]
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

  #finding(
    group: WindowGroup,
    window: PairWindow,
    verdict: Verdict,
    { tally, count }: Failure,
    minute = count,
    summary = '',
  ): Finding {
    const key = pairFindingKey(window.pair)
    const { destinationService } = window.pair
    const from = tally.addresses.length > 0 && key.sourceAddress === '' ? ` from ${tally.addresses[0]}` : ''
    return this.#make(group, {
      verdict,
      key: { ...key, sourceAddress: key.sourceAddress || (tally.addresses[0] ?? '') },
      // A rate is the pair's; a bad certificate is its owner's, wherever it is shown.
      incidentKey: verdict.byRate ? key : { ...key, destinationService: '' },
      summary:
        summary ||
        `Handshakes of ${sourceName(window.pair)}${from} with ${destinationService} fail, ${minute} within a minute; ${verdict.text}`,
      observed: minute,
      first: tally.first,
      last: tally.last,
      examples: window.examples.tls_failure ?? [],
      facts: { failure: tally.failure, refused_by: tally.rejectedBy || 'not said', ...certificateFacts(tally) },
      blind: blindness(window),
      where: [`tls_failure = ${literal(tally.failure)}`],
    })
  }

  #make(
    group: WindowGroup,
    what: {
      verdict: Verdict
      key: FindingKey
      incidentKey: Partial<FindingKey>
      summary: string
      observed: number
      first: number
      last: number
      examples: Evidence['examples']
      facts: Evidence['facts']
      blind: string
      where: readonly string[]
    },
  ): Finding {
    const { verdict, key, incidentKey, summary, observed, first, last, examples, facts, blind, where } = what
    const intrusion = ['impostor', 'stolen_identity', 'claimed_stolen_identity'].includes(verdict.kind)
    return finding(group, {
      detector: NAME,
      kind: verdict.kind,
      severity: verdict.severity,
      key,
      incidentKey,
      cause: `${NAME}|${verdict.kind}|${intrusion || verdict.fault === 'source' ? key.sourceIdentity || key.sourceAddress : 'mesh'}`,
      quietUs: intrusion ? QUIET.intrusion : QUIET.verdict,
      summary,
      technique: verdict.technique,
      evidence: {
        observed,
        expected: 0,
        unit: 'handshakes',
        p: null,
        detectable: null,
        baselineSamples: 0,
        baselineSince: group.ownerSince,
        dispersion: null,
        firstSeen: first,
        lastSeen: last,
        verdict: verdict.text,
        blind,
        examples,
        facts,
        sql: callsSql({ from: group.start - HOUR, to: group.end, key: { ...key, sourceWorkload: '' }, where }),
      },
    })
  }
}

/** A declared workload need not be meshed: one that never showed a certificate here cannot be said to have dropped it. */
function withoutHistory(verdict: Verdict): Verdict {
  if (verdict.kind !== 'bypassed_sidecar') return verdict
  const text = 'unmeshed client: a declared workload that was never seen with its mesh certificate here'
  return { ...verdict, kind: 'unmeshed_client', severity: 'info', text, technique: '' }
}

function freshMemory(): PairMemory {
  return { mutual: 0, lastPlaintext: 0 }
}

function classOf({ failure, rejectedBy }: TlsTally): string {
  return `${failure}|${rejectedBy}`
}

/**
 * Failures of a window, each class once: the larger of both ends' counts. The end that refused knows why; what the other end was
 * told in an alert is coarser, so its classes count only where the refusing end is silent.
 */
export function countFailures(window: PairWindow): Failure[] {
  const refused = new Set(
    window.tls.filter((tally) => tally.reporter === tally.rejectedBy).map(({ rejectedBy }) => rejectedBy),
  )
  const byClass = new Map<string, Failure[]>()
  for (const tally of window.tls) {
    const told = tally.rejectedBy !== '' && tally.reporter !== tally.rejectedBy && refused.has(tally.rejectedBy)
    const known = window.tls.some((other) => other.reporter === tally.rejectedBy && other.failure === tally.failure)
    if (told && !known) continue
    const name = classOf(tally)
    const own = byClass.get(name) ?? []
    byClass.set(name, own)
    const same = own.find((failure) => failure.tally.reporter === tally.reporter)
    if (same === undefined) own.push({ tally, count: tally.count })
    else {
      if (tally.count > same.tally.count) same.tally = tally
      same.count += tally.count
    }
  }
  return [...byClass.values()].map((own) => {
    const count = Math.max(...own.map((failure) => failure.count))
    const teller = own.find(({ tally }) => tally.reporter === tally.rejectedBy) ?? own[0]!
    return { tally: teller.tally, count }
  })
}

function rememberIssuers(owner: OwnerMemory, group: WindowGroup): void {
  for (const { trust, peerIssuers } of group.windows) {
    if (trust === 'claimed') continue
    for (const issuer of peerIssuers) {
      const known = owner.issuers.some(([name]) => name === issuer)
      if (!known && owner.issuers.length < MAX_ISSUERS) owner.issuers.push([issuer, group.start])
    }
  }
}

function learnPair(memory: PairMemory, window: PairWindow, start: number): void {
  const tally = window.tallies.find(({ reporter }) => reporter === 'destination')
  if (tally === undefined) return
  memory.mutual = Math.min(memory.mutual + tally.mutual, Number.MAX_SAFE_INTEGER)
  if (tally.plaintext > 0) memory.lastPlaintext = start
}

/** Adds to the class's failures of the last minute and gives their sum. */
function addRecent(memory: { recent?: Recent }, failure: string, start: number, count: number): number {
  const kept = (memory.recent ?? []).filter(([, at]) => at > start - MINUTE)
  kept.push([failure, start, count])
  memory.recent = kept.slice(-MAX_FANNED)
  return kept.reduce((sum, [name, , n]) => (name === failure ? sum + n : sum), 0)
}

function certificateFacts({
  peerIssuer,
  peerSerial,
  peerNotAfter,
  detail,
  addresses,
}: TlsTally): Record<string, string> {
  const facts: Record<string, string> = {}
  if (peerIssuer !== '') facts.issuer = peerIssuer
  if (peerSerial !== '') facts.serial = peerSerial
  if (peerNotAfter > 0) facts.not_after = new Date(peerNotAfter / 1000).toISOString()
  if (detail !== '') facts.proxy_says = detail
  if (addresses.length > 0) facts.addresses = addresses.join(', ')
  return facts
}

function mismatchFacts({ address, addressIdentity, peerSerial }: MismatchTally): Record<string, string> {
  return { address, address_belongs_to: addressIdentity, ...(peerSerial === '' ? {} : { serial: peerSerial }) }
}

function blindness(window: PairWindow): string {
  const reporters = new Set(window.tallies.map(({ reporter }) => reporter))
  if (!reporters.has('destination'))
    return "the destination's listener does not log handshakes; this is the caller's view"
  if (window.pair.sourceIdentity === '')
    return 'the caller is known by its address only: no declared workload lives there'
  return ''
}
