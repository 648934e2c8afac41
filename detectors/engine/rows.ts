/**
 * A block as stage 1 adds it up: rows told apart by window, trust and pair (cells) and by operation, and what is short of each row
 * in one number of bits. A column is read once and its texts once per dictionary; rows are numbers (budget: docs/detectors.md).
 */
import type { Block, LowColumn } from '../../core/block.ts'
import type { CallColumn } from '../../core/call.ts'
import type { Example } from '../detector.ts'
import { OUTCOMES, REPORTER_PRECEDENCE, WINDOW_US } from '../window.ts'
import { type EntryKey, entryKey } from './capped.ts'
import { type Column, type Groups, groupRows } from './grouping.ts'
import { type PairColumns, pairColumns } from './pair-columns.ts'
import type { Pair, PairTable } from './pair-table.ts'
import type { ReadBlock } from './read-block.ts'

/** Bits of `facts`: places in OUTCOMES and REPORTER_PRECEDENCE, and what is so (1) or not (0). */
export const FACT = {
  outcome: 0b111,
  reporter: 0b11 << 3,
  connection: 1 << 5,
  plaintext: 1 << 6,
  mutual: 1 << 7,
  tlsFailed: 1 << 8,
  /** A verified identity from an address that the inventory gives to another. */
  mismatch: 1 << 9,
  policyAllows: 1 << 10,
  policyDenies: 1 << 11,
  /** Answered 404 or without a route. */
  notFound: 1 << 12,
  /** Answered that the caller may not. */
  refused: 1 << 13,
  verified: 1 << 14,
  /** A request with a method or a route. */
  operation: 1 << 15,
} as const
export const REPORTER_SHIFT = 3

const DESTINATION = REPORTER_PRECEDENCE.indexOf('destination') << REPORTER_SHIFT

export class BlockRows {
  readonly rows: number
  readonly facts: Int32Array
  readonly cells: Groups
  readonly operations: readonly EntryKey[]
  readonly operationOf: Int32Array
  readonly end: ArrayLike<number>
  readonly start: ArrayLike<number>
  readonly weight: ArrayLike<number>
  readonly attempts: ArrayLike<number>
  readonly durationUs: ArrayLike<number>
  readonly durationStepUs: ArrayLike<number>
  readonly bytesReceived: ArrayLike<number>
  readonly bytesSent: ArrayLike<number>
  readonly tlsPeerNotAfter: ArrayLike<number>
  readonly destinationIdentity: LowColumn
  readonly destinationNamespace: LowColumn
  readonly tlsPeerIssuer: LowColumn
  readonly requestId: ReadBlock['requestId']
  readonly #read: ReadBlock
  readonly #pairs: PairColumns

  constructor(read: ReadBlock, pairs: PairTable) {
    const { block } = read
    this.#read = read
    this.rows = block.rows
    this.requestId = read.requestId
    this.end = block.numbers('end')
    this.start = block.numbers('start')
    this.weight = block.numbers('weight')
    this.attempts = block.numbers('attempts')
    this.durationUs = block.numbers('durationUs')
    this.durationStepUs = block.numbers('durationStepUs')
    this.bytesReceived = block.numbers('bytesReceived')
    this.bytesSent = block.numbers('bytesSent')
    this.tlsPeerNotAfter = block.numbers('tlsPeerNotAfter')
    this.destinationIdentity = block.low('destinationIdentity')
    this.destinationNamespace = block.low('destinationNamespace')
    this.tlsPeerIssuer = block.low('tlsPeerIssuer')
    this.facts = factsOf(block)
    this.#pairs = pairColumns(block, pairs)
    this.cells = groupRows(block.rows, [windowColumn(this.end), low(block, 'trust'), ...this.#pairs.columns])
    const operations = groupRows(block.rows, [low(block, 'method'), low(block, 'route')])
    this.operations = operations.first.map((row) => entryKey([this.text('method', row), this.text('route', row)]))
    this.operationOf = operations.of
  }

  /** Pair of a row. */
  pair(row: number): Pair {
    return this.#pairs.pair(row)
  }

  windowStart(row: number): number {
    return Math.floor(this.end[row]! / WINDOW_US) * WINDOW_US
  }

  text(name: CallColumn, row: number): string {
    const { dictionary, index } = this.#read.block.low(name)
    return dictionary[index[row]!]!
  }

  /** The row as an example. */
  example(row: number): Example {
    const detail = this.text('tlsDetail', row) || this.text('denialPolicy', row) || this.text('decisionReason', row)
    return {
      at: this.end[row]!,
      requestId: clip(this.requestId.text(row)),
      traceId: clip(this.#read.traceId.text(row)),
      sourceAddress: this.text('sourceAddress', row),
      method: this.text('method', row),
      path: clip(this.#read.path.text(row)),
      status: this.#read.block.numbers('status')[row]!,
      detail: clip(detail),
    }
  }
}

const MAX_EXAMPLE_TEXT = 256

function clip(text: string): string {
  return text.length <= MAX_EXAMPLE_TEXT ? text : text.slice(0, MAX_EXAMPLE_TEXT)
}

function low(block: Block, name: CallColumn): Column {
  const { index, dictionary } = block.low(name)
  return { index, size: dictionary.length }
}

/** Small numbers for the windows of the rows' ends. */
function windowColumn(end: ArrayLike<number>): Column {
  const index = new Uint32Array(end.length)
  const known = new Map<number, number>()
  let last = -1
  let place = 0
  for (let row = 0; row < end.length; row += 1) {
    const window = Math.floor(end[row]! / WINDOW_US)
    if (window !== last) {
      last = window
      place = known.get(window) ?? known.size
      known.set(window, place)
    }
    index[row] = place
  }
  return { index, size: Math.max(1, known.size) }
}

function factsOf(block: Block): Int32Array {
  const facts = new Int32Array(block.rows)
  mark(facts, block.low('outcome'), (text) => (OUTCOMES as readonly string[]).indexOf(text))
  mark(
    facts,
    block.low('reporter'),
    (text) => (REPORTER_PRECEDENCE as readonly string[]).indexOf(text) << REPORTER_SHIFT,
  )
  mark(facts, block.low('kind'), (text) => (text === 'connection' ? FACT.connection : 0))
  mark(facts, block.low('tlsState'), (text) =>
    text === 'plaintext' ? FACT.plaintext : text === 'mutual' ? FACT.mutual : 0,
  )
  mark(facts, block.low('tlsFailure'), (text) => (text === '' ? 0 : FACT.tlsFailed))
  mark(facts, block.low('decision'), (text) =>
    text === 'allowed' ? FACT.policyAllows : text === 'denied' ? FACT.policyDenies : 0,
  )
  mark(facts, block.low('trust'), (text) => (text === 'verified' ? FACT.verified : 0))
  mark(facts, block.low('responseFlags'), (text) => (isUnrouted(text) ? FACT.notFound : 0))
  markAnswers(facts, block)
  markOperations(facts, block)
  markMismatches(facts, block)
  return facts
}

function mark(facts: Int32Array, { dictionary, index }: LowColumn, bitsOf: (text: string) => number): void {
  const bits = Int32Array.from(dictionary, bitsOf)
  if (bits.every((own) => own === 0)) return
  for (let row = 0; row < facts.length; row += 1) facts[row]! |= bits[index[row]!]!
}

/** Envoy's flag for a request that no route took. */
function isUnrouted(flags: string): boolean {
  return flags === 'NR' || flags.startsWith('NR,') || flags.endsWith(',NR')
}

function markAnswers(facts: Int32Array, block: Block): void {
  const status = block.numbers('status')
  const grpc = block.numbers('grpcStatus')
  for (let row = 0; row < facts.length; row += 1) {
    const code = status[row]!
    if (code === 404) facts[row]! |= FACT.notFound
    if ((facts[row]! & FACT.notFound) !== 0) continue
    // gRPC: PERMISSION_DENIED, UNAUTHENTICATED.
    if (code === 403 || code === 401 || grpc[row] === 7 || grpc[row] === 16) facts[row]! |= FACT.refused
  }
}

function markOperations(facts: Int32Array, block: Block): void {
  const method = block.low('method').index
  const route = block.low('route').index
  for (let row = 0; row < facts.length; row += 1) {
    if ((method[row] !== 0 || route[row] !== 0) && (facts[row]! & FACT.connection) === 0) facts[row]! |= FACT.operation
  }
}

function markMismatches(facts: Int32Array, block: Block): void {
  const identity = block.low('sourceIdentity')
  const declared = block.low('sourceAddressIdentity')
  const origin = block.low('sourceIdentityOrigin')
  const presented = origin.dictionary.map((text) => text === 'record')
  const places = new Map(identity.dictionary.map((text, place) => [text, place]))
  const same = declared.dictionary.map((text) => places.get(text) ?? -1)
  for (let row = 0; row < facts.length; row += 1) {
    const own = declared.index[row]!
    const named = identity.index[row]!
    if (own === 0 || named === 0 || same[own] === named || !presented[origin.index[row]!]!) continue
    const relevant = facts[row]! & (FACT.reporter | FACT.tlsFailed | FACT.plaintext)
    if (relevant === DESTINATION) facts[row]! |= FACT.mismatch
  }
}
