/**
 * The rows of a block, grouped by everything that matters to a window except time and sizes. Per row the loops touch numbers only
 * (budget: docs/detectors.md); text is read once per group.
 */
import type { Block, LowColumn } from '../../core/block.ts'
import type {
  CallColumn,
  Decision,
  DenialKind,
  Outcome,
  Reporter,
  TlsFailure,
  TlsState,
  Trust,
} from '../../core/call.ts'
import type { Example } from '../detector.ts'
import { hashNumber } from '../hash.ts'
import { type PairKey, pairKeyText, WINDOW_US } from '../window.ts'
import { type Column, type Groups, groupRows } from './grouping.ts'
import type { ReadBlock } from './read-block.ts'

/** What the answer's code says beside the outcome. */
export const ANSWER = { other: 0, notFound: 1, refused: 2 } as const

/** Rows that agree in all these facts, and their sums. */
export interface RowGroup {
  pair: PairKey
  key: string
  windowStart: number
  kind: 'request' | 'connection'
  reporter: Reporter
  trust: Trust
  outcome: Outcome
  denialKind: DenialKind
  denialPolicy: string
  denialRule: string
  tlsState: TlsState
  tlsFailure: TlsFailure
  tlsRejectedBy: '' | 'source' | 'destination'
  tlsPeerSerial: string
  tlsPeerIssuer: string
  tlsDetail: string
  /** Empty unless a TLS failure or a mismatch makes it matter. */
  sourceAddress: string
  /** Identity declared for the address, where it is not the one that was presented. */
  addressIdentity: string
  destinationIdentity: string
  destinationNamespace: string
  method: string
  route: string
  answer: number
  decision: Decision
  decisionReason: string
  /** Summed weight. */
  count: number
  first: number
  last: number
  bytesReceived: number
  bytesSent: number
  durationUs: number
  /** Earliest end of a peer certificate; 0 where none is known. */
  peerNotAfter: number
  /** Row with the smallest hash. */
  sample: number
  sampleHash: number
}

export class BlockRows {
  readonly groups: RowGroup[] = []
  readonly of: Int32Array
  readonly #block: Block
  readonly #texts: Pick<ReadBlock, 'requestId' | 'traceId' | 'path'>
  readonly #skip: Uint8Array | undefined

  /** `skip[row]` = 1 leaves a row out (a delivery that came before). */
  constructor(read: ReadBlock, skip?: Uint8Array) {
    const { block } = read
    this.#block = block
    this.#texts = read
    this.#skip = skip
    const { pairs, keys } = groupByPair(block)
    const derived = deriveColumns(block)
    const columns: Column[] = [
      { index: pairs.of, size: Math.max(1, pairs.first.length) },
      derived.window,
      ...GROUPED.map((name) => lowColumn(block.low(name))),
      ...derived.columns,
    ]
    const groups = groupRows(block.rows, columns)
    this.of = groups.of
    this.#sum(groups, pairs.of, keys, derived)
  }

  #sum(groups: Groups, pairOf: Int32Array, pairs: readonly { pair: PairKey; key: string }[], derived: Derived): void {
    const block = this.#block
    for (const row of groups.first) {
      const text = (name: CallColumn): string => {
        const column = block.low(name)
        return column.dictionary[column.index[row]!]!
      }
      const at = (name: keyof Derived['texts']): string => {
        const { index, dictionary } = derived.texts[name]
        return dictionary[index[row]!]!
      }
      const { pair, key } = pairs[pairOf[row]!]!
      // One literal: with a spread such an object is ten times as dear.
      this.groups.push({
        pair,
        key,
        windowStart: derived.starts[derived.window.index[row]!]!,
        kind: text('kind') as RowGroup['kind'],
        reporter: text('reporter') as Reporter,
        trust: text('trust') as Trust,
        outcome: text('outcome') as Outcome,
        denialKind: text('denialKind') as DenialKind,
        denialPolicy: text('denialPolicy'),
        denialRule: text('denialRule'),
        tlsState: text('tlsState') as TlsState,
        tlsFailure: text('tlsFailure') as TlsFailure,
        tlsRejectedBy: text('tlsRejectedBy') as RowGroup['tlsRejectedBy'],
        tlsPeerSerial: at('serial'),
        tlsPeerIssuer: text('tlsPeerIssuer'),
        tlsDetail: at('detail'),
        sourceAddress: at('address'),
        addressIdentity: at('addressIdentity'),
        destinationIdentity: text('destinationIdentity'),
        destinationNamespace: text('destinationNamespace'),
        method: text('method'),
        route: text('route'),
        answer: derived.answer[row]!,
        decision: text('decision') as Decision,
        decisionReason: at('reason'),
        count: 0,
        first: Number.POSITIVE_INFINITY,
        last: 0,
        bytesReceived: 0,
        bytesSent: 0,
        durationUs: 0,
        peerNotAfter: 0,
        sample: row,
        sampleHash: Number.POSITIVE_INFINITY,
      })
    }
    const { of } = groups
    const end = block.numbers('end')
    const weight = block.numbers('weight')
    const received = block.numbers('bytesReceived')
    const sent = block.numbers('bytesSent')
    const duration = block.numbers('durationUs')
    const notAfter = block.numbers('tlsPeerNotAfter')
    for (let row = 0; row < block.rows; row += 1) {
      if (this.#skip !== undefined && this.#skip[row] === 1) continue
      const group = this.groups[of[row]!]!
      const time = end[row]!
      const n = weight[row]!
      group.count += n
      if (time < group.first) group.first = time
      if (time > group.last) group.last = time
      group.bytesReceived += received[row]!
      group.bytesSent += sent[row]!
      group.durationUs += duration[row]! * n
      const until = notAfter[row]!
      if (until > 0 && (group.peerNotAfter === 0 || until < group.peerNotAfter)) group.peerNotAfter = until
      const hash = hashNumber(hashNumber(0, time), duration[row]!)
      if (hash < group.sampleHash) {
        group.sampleHash = hash
        group.sample = row
      }
    }
  }

  skipped(row: number): boolean {
    return this.#skip !== undefined && this.#skip[row] === 1
  }

  get rows(): number {
    return this.#block.rows
  }

  /** Two 32-bit hashes of the request id, or undefined where there is none. */
  idHash(row: number): number | undefined {
    return this.#texts.requestId.empty(row) ? undefined : this.#texts.requestId.hash(row)
  }

  idCheck(row: number): number {
    return this.#texts.requestId.hash(row, 0x5bd1e995)
  }

  numbers(name: 'start' | 'durationUs' | 'durationStepUs' | 'attempts' | 'weight' | 'end'): ArrayLike<number> {
    return this.#block.numbers(name)
  }

  /** The row as an example. */
  example(row: number): Example {
    const low = (name: CallColumn): string => {
      const column = this.#block.low(name)
      return column.dictionary[column.index[row]!]!
    }
    const detail = low('tlsDetail') || low('denialPolicy') || low('decisionReason')
    return {
      at: this.#block.numbers('end')[row]!,
      requestId: clip(this.#texts.requestId.text(row)),
      traceId: clip(this.#texts.traceId.text(row)),
      sourceAddress: low('sourceAddress'),
      method: low('method'),
      path: clip(this.#texts.path.text(row)),
      status: this.#block.numbers('status')[row]!,
      detail: clip(detail),
    }
  }
}

const MAX_EXAMPLE_TEXT = 256

function clip(text: string): string {
  return text.length <= MAX_EXAMPLE_TEXT ? text : text.slice(0, MAX_EXAMPLE_TEXT)
}

/** Low columns that every group is split by, as they are. */
const GROUPED = [
  'kind',
  'reporter',
  'trust',
  'outcome',
  'denialKind',
  'denialPolicy',
  'denialRule',
  'tlsState',
  'tlsFailure',
  'tlsRejectedBy',
  'tlsPeerIssuer',
  'destinationIdentity',
  'destinationNamespace',
  'method',
  'route',
  'decision',
] as const satisfies readonly CallColumn[]

function lowColumn({ index, dictionary }: LowColumn): Column {
  return { index, size: dictionary.length }
}

/** Pairs of the block (docs/decisions/020-pair-key.md). */
function groupByPair(block: Block): { pairs: Groups; keys: { pair: PairKey; key: string }[] } {
  const identity = block.low('sourceIdentity')
  const identityOrigin = block.low('sourceIdentityOrigin')
  const addressIdentity = block.low('sourceAddressIdentity')
  const workload = block.low('sourceWorkload')
  const workloadOrigin = block.low('sourceWorkloadOrigin')
  const namespace = block.low('sourceNamespace')
  const address = block.low('sourceAddress')
  const destination = block.low('destinationService')
  const usable = originUsable(identityOrigin.dictionary)
  const declared = workloadOrigin.dictionary.map((origin) => origin === 'inventory')
  const rows = block.rows
  const key = new Uint32Array(rows)
  const byAddress = new Uint32Array(rows)
  const fallback = new Uint32Array(rows)
  const own = new Uint32Array(rows)
  const ns = new Uint32Array(rows)
  for (let row = 0; row < rows; row += 1) {
    const named = identity.index[row]!
    const known = named !== 0 && usable[identityOrigin.index[row]!]!
    const identified = known || addressIdentity.index[row]! !== 0
    if (known) key[row] = named
    else fallback[row] = addressIdentity.index[row]!
    if (declared[workloadOrigin.index[row]!]!) {
      own[row] = workload.index[row]!
      ns[row] = namespace.index[row]!
    } else if (!identified) byAddress[row] = address.index[row]!
  }
  const pairs = groupRows(rows, [
    lowColumn(destination),
    { index: key, size: identity.dictionary.length },
    { index: fallback, size: addressIdentity.dictionary.length },
    { index: own, size: workload.dictionary.length },
    { index: ns, size: namespace.dictionary.length },
    { index: byAddress, size: address.dictionary.length },
  ])
  const keys = pairs.first.map((row) => {
    const pair: PairKey = {
      sourceIdentity: identity.dictionary[key[row]!]! || addressIdentity.dictionary[fallback[row]!]!,
      sourceWorkload: workload.dictionary[own[row]!]!,
      sourceNamespace: namespace.dictionary[ns[row]!]!,
      sourceAddress: address.dictionary[byAddress[row]!]!,
      destinationService: destination.dictionary[destination.index[row]!]!,
    }
    return { pair, key: pairKeyText(pair) }
  })
  return { pairs, keys }
}

/** A learned name annotates; it never makes a key. */
function originUsable(dictionary: readonly string[]): boolean[] {
  return dictionary.map((origin) => origin === 'record' || origin === 'inventory')
}

interface Derived {
  window: { index: Int32Array; size: number }
  starts: number[]
  answer: Uint8Array
  columns: Column[]
  texts: Record<
    'address' | 'addressIdentity' | 'serial' | 'detail' | 'reason',
    { index: ArrayLike<number>; dictionary: readonly string[] }
  >
}

/** Columns that split groups only where they matter; elsewhere 0, so that a hundred pods of one workload make one group. */
function deriveColumns(block: Block): Derived {
  const rows = block.rows
  const identity = block.low('sourceIdentity')
  const identityOrigin = block.low('sourceIdentityOrigin')
  const addressIdentity = block.low('sourceAddressIdentity')
  const address = block.low('sourceAddress')
  const failure = block.low('tlsFailure')
  const state = block.low('tlsState')
  const serial = block.low('tlsPeerSerial')
  const detail = block.low('tlsDetail')
  const decision = block.low('decision')
  const reason = block.low('decisionReason')
  const flags = block.low('responseFlags')
  const status = block.numbers('status')
  const grpc = block.numbers('grpcStatus')
  const end = block.numbers('end')
  const presented = identityOrigin.dictionary.map((origin) => origin === 'record')
  const plaintext = state.dictionary.indexOf('plaintext')
  const disallowed = decision.dictionary.indexOf('denied')
  const sameIdentity = addressIdentity.dictionary.map((text) => identity.dictionary.indexOf(text))
  const unrouted = flags.dictionary.map((text) => text === 'NR' || text.startsWith('NR,') || text.endsWith(',NR'))
  const columns = {
    address: new Uint32Array(rows),
    addressIdentity: new Uint32Array(rows),
    serial: new Uint32Array(rows),
    detail: new Uint32Array(rows),
    reason: new Uint32Array(rows),
  }
  const answer = new Uint8Array(rows)
  const window = new Int32Array(rows)
  const starts: number[] = []
  const known = new Map<number, number>()
  let lastStart = -1
  let lastWindow = 0
  for (let row = 0; row < rows; row += 1) {
    const start = Math.floor(end[row]! / WINDOW_US) * WINDOW_US
    if (start !== lastStart) {
      lastStart = start
      lastWindow = known.get(start) ?? starts.push(start) - 1
      known.set(start, lastWindow)
    }
    window[row] = lastWindow
    const failed = failure.index[row]! !== 0
    const declared = addressIdentity.index[row]!
    const named = identity.index[row]!
    const mismatch =
      declared !== 0 && named !== 0 && presented[identityOrigin.index[row]!]! && sameIdentity[declared] !== named
    if (failed || mismatch || state.index[row]! === plaintext) {
      columns.address[row] = address.index[row]!
      columns.addressIdentity[row] = declared
      columns.serial[row] = serial.index[row]!
      if (failed) columns.detail[row] = detail.index[row]!
    }
    if (decision.index[row]! === disallowed) columns.reason[row] = reason.index[row]!
    const code = status[row]!
    if (code === 404 || unrouted[flags.index[row]!]!) answer[row] = ANSWER.notFound
    else if (code === 403 || code === 401 || grpc[row] === 7 || grpc[row] === 16) answer[row] = ANSWER.refused
  }
  const texts = {
    address: { index: columns.address, dictionary: address.dictionary },
    addressIdentity: { index: columns.addressIdentity, dictionary: addressIdentity.dictionary },
    serial: { index: columns.serial, dictionary: serial.dictionary },
    detail: { index: columns.detail, dictionary: detail.dictionary },
    reason: { index: columns.reason, dictionary: reason.dictionary },
  }
  return {
    window: { index: window, size: Math.max(1, starts.length) },
    starts,
    answer,
    texts,
    columns: [
      ...Object.values(texts).map(({ index, dictionary }) => ({ index, size: dictionary.length })),
      { index: answer, size: 3 },
    ],
  }
}
