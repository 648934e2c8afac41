/** Builds the window of one pair row by row, in any order. Bounded: every list has its cap in WINDOW_CAPS. */
import type { Trust } from '../../core/call.ts'
import { hashNumber, secondHash } from '../hash.ts'
import { OUTCOMES, type PairWindow, type PathTally, REPORTER_PRECEDENCE, WINDOW_CAPS, WINDOW_US } from '../window.ts'
import { Buckets, Capped, entryKey, SmallestTexts } from './capped.ts'
import { type ExampleKind, Examples } from './examples.ts'
import { addSpan, DENIALS, MISMATCHES, mergeTls, PATHS, pathCount, TLS, textsOf } from './lists.ts'
import type { Pair } from './pair-table.ts'
import { type BlockRows, FACT, REPORTER_SHIFT } from './rows.ts'
import { joinSamples, SideSamples } from './samples.ts'
import { Sums } from './sums.ts'

const OK = OUTCOMES.indexOf('ok')
const DENIED = OUTCOMES.indexOf('denied')
/** Outcomes of a call that reached its destination. */
const ANSWERED = ['ok', 'client_error', 'server_error'].map((name) => OUTCOMES.indexOf(name as 'ok'))
const SOURCE = REPORTER_PRECEDENCE.indexOf('source')
const DESTINATION = REPORTER_PRECEDENCE.indexOf('destination')
const APP = REPORTER_PRECEDENCE.indexOf('app')
const RARE = FACT.tlsFailed | FACT.mismatch | FACT.policyDenies | FACT.plaintext

export class PairAccumulator {
  readonly source = new SideSamples()
  readonly destination = new SideSamples()
  readonly pair: Pair
  readonly trust: Trust
  readonly #start: number
  readonly #sums = new Sums()
  readonly #identities = new SmallestTexts(WINDOW_CAPS.identities)
  readonly #issuers = new SmallestTexts(WINDOW_CAPS.identities)
  readonly #namespaces = new SmallestTexts(1)
  readonly #examples = new Examples()
  readonly #denials = new Buckets(DENIALS)
  readonly #tls = new Buckets(TLS)
  readonly #mismatches = new Buckets(MISMATCHES)
  readonly #paths = new Capped(PATHS, [])
  #identified = false

  constructor(pair: Pair, trust: Trust, start: number) {
    this.pair = pair
    this.trust = trust
    this.#start = start
  }

  add(rows: BlockRows, row: number): void {
    const facts = rows.facts[row]!
    const count = rows.weight[row]!
    const end = rows.end[row]!
    const durationUs = rows.durationUs[row]!
    const reporter = (facts & FACT.reporter) >> REPORTER_SHIFT
    this.#identities.add(rows.destinationIdentity.dictionary[rows.destinationIdentity.index[row]!]!)
    this.#namespaces.add(rows.destinationNamespace.dictionary[rows.destinationNamespace.index[row]!]!)
    this.#sums.add(rows, row)
    if ((facts & (FACT.tlsFailed | FACT.mutual)) === FACT.mutual && reporter !== SOURCE) {
      this.#identified = true
      this.#issuers.add(rows.tlsPeerIssuer.dictionary[rows.tlsPeerIssuer.index[row]!]!)
    }
    if ((facts & FACT.operation) !== 0) this.#operation(rows, row, facts, reporter, count, end)
    if ((facts & RARE) !== 0 || (facts & FACT.outcome) === DENIED) this.#rare(rows, row, facts, count, end)
    const hash = hashNumber(hashNumber(0, end), durationUs)
    if (this.#examples.wants('any', hash)) this.#examples.add('any', hash, rows.example(row))
    if ((facts & (FACT.connection | FACT.outcome | FACT.verified)) === (OK | FACT.verified) && count === 1) {
      this.#sample(rows, row, reporter)
    }
  }

  /** Takes over all that another pair of the same window holds, its latency samples aside. */
  merge(other: PairAccumulator): void {
    this.#sums.merge(other.#sums)
    this.#identities.addAll(other.#identities.sorted())
    this.#namespaces.addAll(other.#namespaces.sorted())
    this.#issuers.addAll(other.#issuers.sorted())
    this.#identified ||= other.#identified
    this.#denials.merge(other.#denials)
    this.#tls.merge(other.#tls)
    this.#mismatches.merge(other.#mismatches)
    this.#paths.merge(other.#paths)
    this.#examples.merge(other.#examples)
  }

  /** The window as it stands. */
  finish(incomplete: boolean): PairWindow {
    const { pair, key } = this.pair
    return {
      trust: this.trust,
      pair,
      key,
      start: this.#start,
      end: this.#start + WINDOW_US,
      destinationIdentities: this.#identities.sorted(),
      destinationNamespace: this.#namespaces.sorted()[0] ?? '',
      peerIssuers: this.#issuers.sorted(),
      sourceKnownBy: this.#identified ? 'identity' : pair.sourceAddress === '' ? 'declared' : 'address',
      tallies: this.#sums.tallies(),
      denials: this.#denials.values(),
      tls: this.#tls.values().map(({ hash: _, sources, ...tally }) => ({ ...tally, addresses: sources.sorted() })),
      mismatches: this.#mismatches.values(),
      paths: this.#paths.values(),
      overflow: {
        paths: this.#paths.rest === undefined ? 0 : pathCount(this.#paths.rest),
        denials: counts(this.#denials.rests()),
        tls: counts(this.#tls.rests()),
        mismatches: counts(this.#mismatches.rests()),
      },
      latency: joinSamples(this.source, this.destination),
      examples: this.#examples.byKind(),
      first: this.#sums.first,
      last: this.#sums.last,
      incomplete,
    }
  }

  #operation(rows: BlockRows, row: number, facts: number, reporter: number, count: number, end: number): void {
    const path = this.#paths.at(rows.operations[rows.operationOf[row]!]!)
    const bySource = reporter === SOURCE || reporter === APP
    if (end < path.first) path.first = end
    if (end > path.last) path.last = end
    if (bySource) path.bySource += count
    else path.byDestination += count
    if ((facts & FACT.notFound) !== 0) path.notFound += count
    if ((facts & FACT.outcome) === DENIED) path.denied += count
    if ((facts & FACT.policyAllows) !== 0) path.allowed += count
    if ((facts & FACT.policyDenies) !== 0)
      this.#forbidden(path, facts, bySource, count, rows.text('decisionReason', row))
  }

  #forbidden(path: PathTally, facts: number, bySource: boolean, count: number, reason: string): void {
    path.forbidden += count
    if (path.reason === '' || reason < path.reason) path.reason = reason
    // A destination's answer of its own means that the call reached it; the caller's side can tell only where it went well.
    const outcome = facts & FACT.outcome
    if (!bySource && ANSWERED.includes(outcome)) path.forbiddenOk += count
    if (bySource && outcome === OK && (facts & FACT.refused) === 0) path.forbiddenOkBySource += count
  }

  /** What stands out is few: text by text. */
  #rare(rows: BlockRows, row: number, facts: number, count: number, end: number): void {
    const span = { count, first: end, last: end }
    const denied = (facts & FACT.outcome) === DENIED
    const failed = (facts & FACT.tlsFailed) !== 0
    const mismatch = (facts & FACT.mismatch) !== 0
    const text = (name: Parameters<BlockRows['text']>[0]) => rows.text(name, row)
    if (denied) {
      const entry = entryKey([text('denialKind'), text('denialPolicy'), text('denialRule')])
      addSpan(this.#denials.at([text('reporter')], entry), span)
    }
    if (failed) this.#failed(rows, row, span)
    else if (mismatch) {
      const entry = entryKey([text('sourceAddress'), text('sourceAddressIdentity'), text('tlsPeerSerial')])
      addSpan(this.#mismatches.at([], entry), span)
    }
    const kind: ExampleKind = failed
      ? 'tls_failure'
      : denied
        ? 'denied'
        : mismatch
          ? 'mismatch'
          : (facts & FACT.policyDenies) !== 0
            ? 'forbidden'
            : 'plaintext'
    const id = rows.requestId.empty(row) ? 0 : rows.requestId.hash(row)
    const hash = hashNumber(hashNumber(id, end), rows.durationUs[row]!)
    if (this.#examples.wants(kind, hash)) this.#examples.add(kind, hash, rows.example(row))
  }

  #failed(rows: BlockRows, row: number, span: { count: number; first: number; last: number }): void {
    const bucket = [rows.text('tlsFailure', row), rows.text('tlsRejectedBy', row), rows.text('reporter', row)]
    const entry = this.#tls.at(bucket, entryKey([rows.text('sourceAddressIdentity', row)]))
    mergeTls(entry, {
      ...entry,
      ...span,
      hash: hashNumber(hashNumber(0, span.first), rows.durationUs[row]!),
      peerIssuer: rows.text('tlsPeerIssuer', row),
      peerSerial: rows.text('tlsPeerSerial', row),
      peerNotAfter: rows.tlsPeerNotAfter[row]!,
      detail: rows.text('tlsDetail', row),
      sources: textsOf(rows.text('sourceAddress', row)),
    })
  }

  /** Only what went well says how long a call takes, and only a call that was made once. */
  #sample(rows: BlockRows, row: number, reporter: number): void {
    if (reporter !== DESTINATION && (reporter !== SOURCE || rows.attempts[row] !== 1)) return
    const { requestId } = rows
    if (requestId.empty(row)) return
    const side = reporter === DESTINATION ? this.destination : this.source
    const hash = requestId.hashTwice(row)
    if (side.wants(hash)) {
      side.add(hash, secondHash, rows.start[row]!, rows.durationUs[row]!, rows.durationStepUs[row]!)
    }
  }
}

function counts(rests: readonly { count: number }[]): number {
  return rests.reduce((sum, { count }) => sum + count, 0)
}
