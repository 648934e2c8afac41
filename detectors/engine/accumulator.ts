/** Builds the window of one pair from row groups, in any order. Bounded: every list has its cap in WINDOW_CAPS. */
import type { Reporter, Trust } from '../../core/call.ts'
import type { Example } from '../detector.ts'
import {
  type DenialTally,
  type MismatchTally,
  OTHER,
  OUTCOMES,
  type PairKey,
  type PairWindow,
  type PathTally,
  type Tally,
  type TlsTally,
  WINDOW_CAPS,
  WINDOW_US,
} from '../window.ts'
import { Buckets, type CappedOptions, SmallestTexts } from './capped.ts'
import { ANSWER, type RowGroup } from './rows.ts'
import { joinSamples, SideSamples } from './samples.ts'

export type ExampleKind = 'denied' | 'tls_failure' | 'mismatch' | 'forbidden' | 'plaintext' | 'any'

interface Kept {
  hash: number
  example: Example
}

interface TlsEntry extends TlsTally {
  hash: number
  sources: SmallestTexts
}

/** Ordinary calls are offered one a group, of which only the very smallest does not depend on how rows came in blocks. */
function examplesOf(kind: ExampleKind): number {
  return kind === 'any' ? 1 : WINDOW_CAPS.examples
}

const OUTCOME_INDEX = new Map<string, number>(OUTCOMES.map((outcome, i) => [outcome, i]))

export class PairAccumulator {
  readonly source = new SideSamples()
  readonly destination = new SideSamples()
  readonly pair: PairKey
  readonly key: string
  readonly trust: Trust
  readonly #start: number
  readonly #tallies = new Map<Reporter, Tally>()
  readonly #identities = new SmallestTexts(WINDOW_CAPS.identities)
  readonly #issuers = new SmallestTexts(WINDOW_CAPS.identities)
  readonly #namespaces = new SmallestTexts(1)
  readonly #examples = new Map<ExampleKind, Kept[]>()
  readonly #denials = new Buckets(DENIALS)
  readonly #tls = new Buckets(TLS)
  readonly #mismatches = new Buckets(MISMATCHES)
  readonly #paths = new Buckets(PATHS)
  #identified = false
  #first = Number.POSITIVE_INFINITY
  #last = 0

  constructor(pair: PairKey, key: string, trust: Trust, start: number) {
    this.pair = pair
    this.key = key
    this.trust = trust
    this.#start = start
  }

  add(group: RowGroup): void {
    if (group.first < this.#first) this.#first = group.first
    if (group.last > this.#last) this.#last = group.last
    this.#identities.add(group.destinationIdentity)
    this.#namespaces.add(group.destinationNamespace)
    const tally = this.#tally(group.reporter)
    if (group.kind === 'connection') tally.connections += group.count
    else tally.outcomes[OUTCOME_INDEX.get(group.outcome) ?? 0]! += group.count
    if (group.tlsState === 'plaintext') tally.plaintext += group.count
    else if (group.tlsState === 'mutual') tally.mutual += group.count
    tally.bytesReceived += group.bytesReceived
    tally.bytesSent += group.bytesSent
    tally.durationUs += group.durationUs
    if (group.tlsFailure === '' && group.tlsState === 'mutual' && group.reporter !== 'source') {
      this.#identified = true
      this.#issuers.add(group.tlsPeerIssuer)
    }
    if (group.outcome === 'denied') this.#denied(group)
    if (group.tlsFailure !== '') this.#failed(group)
    else if (isMismatch(group)) this.#mismatched(group)
    if (group.kind === 'request' && (group.method !== '' || group.route !== '')) this.#operation(group)
  }

  /** Takes over all that another pair of the same window holds, its latency samples aside. */
  merge(other: PairAccumulator): void {
    this.#first = Math.min(this.#first, other.#first)
    this.#last = Math.max(this.#last, other.#last)
    this.#identities.addAll(other.#identities.sorted())
    this.#namespaces.addAll(other.#namespaces.sorted())
    this.#issuers.addAll(other.#issuers.sorted())
    this.#identified ||= other.#identified
    for (const from of other.#tallies.values()) {
      const into = this.#tally(from.reporter)
      from.outcomes.forEach((n, i) => {
        into.outcomes[i]! += n
      })
      for (const name of TALLY_COUNTS) into[name] += from[name]
    }
    this.#denials.merge(other.#denials)
    this.#tls.merge(other.#tls)
    this.#mismatches.merge(other.#mismatches)
    this.#paths.merge(other.#paths)
    for (const [kind, kept] of other.#examples)
      for (const { hash, example } of kept) this.addExample(kind, hash, example)
  }

  /** True where an example with this hash would be kept. */
  wantsExample(kind: ExampleKind, hash: number): boolean {
    const kept = this.#examples.get(kind)
    return kept === undefined || kept.length < examplesOf(kind) || hash <= kept.at(-1)!.hash
  }

  addExample(kind: ExampleKind, hash: number, example: Example): void {
    const kept = this.#examples.get(kind) ?? []
    kept.push({ hash, example })
    kept.sort((a, b) => a.hash - b.hash || (JSON.stringify(a.example) < JSON.stringify(b.example) ? -1 : 1))
    kept.length = Math.min(kept.length, examplesOf(kind))
    this.#examples.set(kind, kept)
  }

  /** The window as it stands. */
  finish(incomplete: boolean): PairWindow {
    const paths = this.#paths.values()
    const denials = this.#denials.values()
    const tls = this.#tls.values()
    const mismatches = this.#mismatches.values()
    return {
      trust: this.trust,
      pair: this.pair,
      key: this.key,
      start: this.#start,
      end: this.#start + WINDOW_US,
      destinationIdentities: this.#identities.sorted(),
      destinationNamespace: this.#namespaces.sorted()[0] ?? '',
      peerIssuers: this.#issuers.sorted(),
      sourceKnownBy: this.#identified ? 'identity' : this.pair.sourceAddress === '' ? 'declared' : 'address',
      tallies: [...this.#tallies].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tally]) => tally),
      denials,
      tls: tls.map(({ hash: _, sources, ...tally }) => ({ ...tally, addresses: sources.sorted() })),
      mismatches,
      paths,
      overflow: {
        paths: sum(this.#paths.rests(), pathCount),
        denials: sum(this.#denials.rests(), (rest) => rest.count),
        tls: sum(this.#tls.rests(), (rest) => rest.count),
        mismatches: sum(this.#mismatches.rests(), (rest) => rest.count),
      },
      latency: joinSamples(this.source, this.destination),
      examples: Object.fromEntries(
        [...this.#examples]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([kind, kept]) => [kind, kept.map((k) => k.example)]),
      ),
      first: this.#first,
      last: this.#last,
      incomplete,
    }
  }

  #tally(reporter: Reporter): Tally {
    let tally = this.#tallies.get(reporter)
    if (tally === undefined) {
      tally = { reporter, outcomes: OUTCOMES.map(() => 0), ...EMPTY_COUNTS }
      this.#tallies.set(reporter, tally)
    }
    return tally
  }

  #denied(group: RowGroup): void {
    const { reporter, denialKind, denialPolicy, denialRule } = group
    addSpan(this.#denials.at([reporter], [denialKind, denialPolicy, denialRule]), group)
  }

  #failed(group: RowGroup): void {
    const { tlsFailure, tlsRejectedBy, reporter, addressIdentity } = group
    const entry = this.#tls.at([tlsFailure, tlsRejectedBy, reporter], [addressIdentity])
    mergeTls(entry, {
      ...entry,
      count: group.count,
      first: group.first,
      last: group.last,
      hash: group.sampleHash,
      peerIssuer: group.tlsPeerIssuer,
      peerSerial: group.tlsPeerSerial,
      peerNotAfter: group.peerNotAfter,
      detail: group.tlsDetail,
      sources: textsOf(group.sourceAddress),
    })
  }

  #mismatched(group: RowGroup): void {
    addSpan(this.#mismatches.at([], [group.sourceAddress, group.addressIdentity, group.tlsPeerSerial]), group)
  }

  #operation(group: RowGroup): void {
    const path = this.#paths.at([], [group.method, group.route])
    const n = group.count
    const bySource = group.reporter === 'source' || group.reporter === 'app'
    if (group.first < path.first) path.first = group.first
    if (group.last > path.last) path.last = group.last
    if (bySource) path.bySource += n
    else path.byDestination += n
    if (group.answer === ANSWER.notFound) path.notFound += n
    if (group.outcome === 'denied') path.denied += n
    if (group.decision === 'allowed') path.allowed += n
    if (group.decision !== 'denied') return
    path.forbidden += n
    if (path.reason === '' || group.decisionReason < path.reason) path.reason = group.decisionReason
    if (!gotThrough(group)) return
    if (bySource) path.forbiddenOkBySource += n
    else path.forbiddenOk += n
  }
}

export function isMismatch(group: RowGroup): boolean {
  return (
    group.reporter === 'destination' &&
    group.addressIdentity !== '' &&
    group.tlsFailure === '' &&
    group.tlsState !== 'plaintext' &&
    group.addressIdentity !== group.pair.sourceIdentity
  )
}

/** A destination's answer of its own means that the call reached it; the caller's side can tell only where it went well. */
function gotThrough({ outcome, answer, reporter }: RowGroup): boolean {
  if (reporter === 'source' || reporter === 'app') return outcome === 'ok' && answer !== ANSWER.refused
  return outcome === 'ok' || outcome === 'client_error' || outcome === 'server_error'
}

const TALLY_COUNTS = ['connections', 'plaintext', 'mutual', 'bytesReceived', 'bytesSent', 'durationUs'] as const
const EMPTY_COUNTS = { connections: 0, plaintext: 0, mutual: 0, bytesReceived: 0, bytesSent: 0, durationUs: 0 }

const EMPTY_SPAN = { count: 0, first: Number.POSITIVE_INFINITY, last: 0 }

interface Span {
  count: number
  first: number
  last: number
}

function addSpan(into: Span, from: Span): void {
  into.count += from.count
  into.first = Math.min(into.first, from.first)
  into.last = Math.max(into.last, from.last)
}

const DENIALS: CappedOptions<DenialTally> = {
  cap: WINDOW_CAPS.denials,
  rest: ['', OTHER, ''],
  make: ([reporter, kind, policy, rule]) => ({
    reporter: reporter as Reporter,
    kind: kind as DenialTally['kind'],
    policy: policy!,
    rule: rule!,
    ...EMPTY_SPAN,
  }),
  merge: addSpan,
}

const MISMATCHES: CappedOptions<MismatchTally> = {
  cap: WINDOW_CAPS.mismatches,
  rest: [OTHER, OTHER, ''],
  make: ([address, addressIdentity, peerSerial]) => ({
    address: address!,
    addressIdentity: addressIdentity!,
    peerSerial: peerSerial!,
    ...EMPTY_SPAN,
  }),
  merge: addSpan,
}

const TLS: CappedOptions<TlsEntry> = {
  cap: WINDOW_CAPS.tls,
  rest: [OTHER],
  make: ([failure, rejectedBy, reporter, addressIdentity]) => ({
    reporter: reporter as Reporter,
    failure: failure as TlsTally['failure'],
    rejectedBy: rejectedBy as TlsTally['rejectedBy'],
    ...EMPTY_SPAN,
    peerIssuer: '',
    peerSerial: '',
    peerNotAfter: 0,
    detail: '',
    addresses: [],
    addressIdentity: addressIdentity!,
    hash: Number.POSITIVE_INFINITY,
    sources: new SmallestTexts(WINDOW_CAPS.identities),
  }),
  merge: mergeTls,
}

const PATHS: CappedOptions<PathTally> = {
  cap: WINDOW_CAPS.paths,
  rest: [OTHER, OTHER],
  make: ([method, route]) => ({
    method: method!,
    route: route!,
    bySource: 0,
    byDestination: 0,
    notFound: 0,
    denied: 0,
    forbidden: 0,
    forbiddenOk: 0,
    forbiddenOkBySource: 0,
    allowed: 0,
    reason: '',
    first: Number.POSITIVE_INFINITY,
    last: 0,
  }),
  merge: mergePath,
}

function textsOf(text: string): SmallestTexts {
  const texts = new SmallestTexts(1)
  texts.add(text)
  return texts
}

function mergeTls(into: TlsEntry, from: TlsEntry): void {
  addSpan(into, from)
  into.sources.addAll(from.sources.sorted())
  const words = (entry: TlsEntry) => JSON.stringify([entry.peerIssuer, entry.peerSerial, entry.detail])
  if (from.hash < into.hash || (from.hash === into.hash && words(from) < words(into))) {
    const { hash, peerIssuer, peerSerial, peerNotAfter, detail } = from
    Object.assign(into, { hash, peerIssuer, peerSerial, peerNotAfter, detail })
  }
}

function mergePath(into: PathTally, from: PathTally): void {
  for (const name of PATH_COUNTS) into[name] += from[name]
  into.first = Math.min(into.first, from.first)
  into.last = Math.max(into.last, from.last)
  if (into.reason === '' || (from.reason !== '' && from.reason < into.reason)) into.reason = from.reason
}

const PATH_COUNTS = [
  'bySource',
  'byDestination',
  'notFound',
  'denied',
  'forbidden',
  'forbiddenOk',
  'forbiddenOkBySource',
  'allowed',
] as const

function pathCount(path: PathTally): number {
  return Math.max(path.bySource, path.byDestination)
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0)
}
