/**
 * Closed windows: the aggregate of one pair over ten seconds, as stage 1 publishes them on `eastwatch.windows`.
 *
 * Everything here is free of order: sums, sets cut by smallest hash, minima and maxima. So any arrival order within the lateness
 * gives the same window, byte for byte. What makes a pair and why: docs/decisions/020-pair-key.md.
 *
 *   "EWW2" | u32 CRC-32 of the rest, little-endian | msgpack of [input partition, window end, windows]
 *
 * What closed at one end may be spread over several records of one input partition; a key and trust is in exactly one of them.
 */
import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import type { DenialKind, Reporter, TlsFailure, Trust } from '../core/call.ts'
import { SECOND } from '../core/clock.ts'
import { messageOf, PipelineError } from '../core/errors.ts'
import type { Example } from './detector.ts'

export const WINDOW_US = 10 * SECOND

/** Order of `Tally.outcomes`. */
export const OUTCOMES = ['ok', 'client_error', 'server_error', 'denied', 'tls_failure', 'connect_failure'] as const
/** Whose count holds where several reported: the first in this order that did. */
export const REPORTER_PRECEDENCE: readonly Reporter[] = ['destination', 'waypoint', 'source', 'app']

/** Most entries of each list (`denials` and `tls` per reporter, `tls` also per class); the rest goes to an entry `{*}`. */
export const WINDOW_CAPS = {
  paths: 200,
  denials: 32,
  tls: 32,
  mismatches: 16,
  identities: 4,
  examples: 3,
  samples: 128,
}
export const OTHER = '{*}'

/**
 * Who calls whom, in facts that both ends' reports have. The source is its identity; where none is known its declared workload,
 * then its address. Exactly the fields that make the key are filled in; the rest is ''.
 */
export interface PairKey {
  sourceIdentity: string
  sourceWorkload: string
  sourceNamespace: string
  /** Only where neither identity nor workload is known. */
  sourceAddress: string
  destinationService: string
}

/** What one kind of reporter said of the pair. Integers; `weight` of the records is summed. */
export interface Tally {
  reporter: Reporter
  /** Requests by outcome, in the order of OUTCOMES. */
  outcomes: number[]
  /** Connection records: handshakes, good or bad. 0 where listeners do not log. */
  connections: number
  /** Records (requests and connections) that came without TLS, and with mutual TLS. */
  plaintext: number
  mutual: number
  bytesReceived: number
  bytesSent: number
  durationUs: number
}

export interface DenialTally {
  reporter: Reporter
  kind: DenialKind
  policy: string
  rule: string
  count: number
  /** End of the first and last such call. */
  first: number
  last: number
}

export interface TlsTally {
  reporter: Reporter
  failure: TlsFailure
  rejectedBy: '' | 'source' | 'destination'
  count: number
  first: number
  last: number
  /** From the record with the smallest hash that has them. */
  peerIssuer: string
  peerSerial: string
  peerNotAfter: number
  detail: string
  /** Source addresses, at most WINDOW_CAPS.identities. */
  addresses: string[]
  /** Identity the inventory has at the source address, '' where it has none. */
  addressIdentity: string
}

/** A verified source identity that came from an address which the inventory gives to another identity. */
export interface MismatchTally {
  address: string
  addressIdentity: string
  peerSerial: string
  count: number
  first: number
  last: number
}

/** Requests of one operation (method and route template). */
export interface PathTally {
  method: string
  route: string
  bySource: number
  byDestination: number
  /** Answered 404 or without a route. */
  notFound: number
  /** Denied by policy. */
  denied: number
  /** The declared policy does not allow it; of them got through: as the destination saw it, and as the source did. */
  forbidden: number
  forbiddenOk: number
  forbiddenOkBySource: number
  /** The declared policy allows it. */
  allowed: number
  /** Of those that `countPath` would count: told in an earlier window by the other end. Left out where there are none. */
  again?: number
  /** Why it is not allowed. */
  reason: string
  first: number
  last: number
}

/** Quantiles of a sample that is chosen by hash of the request id (microseconds). */
export interface Quantiles {
  samples: number
  mean: number
  q10: number
  q25: number
  q50: number
  q95: number
  /** Resolution of the durations behind it: 1 or 1000. */
  stepUs: number
}

export interface Latency {
  source: Quantiles | null
  destination: Quantiles | null
  /** Source's duration less destination's, of calls joined one to one. */
  gap: Quantiles | null
  /** Joined calls left out because an id stood for several records or the intervals do not nest. */
  ambiguous: number
}

export interface PairWindow {
  /** Records of unverified senders make a window of their own: they may raise suspicion, and lower none. */
  trust: Trust
  pair: PairKey
  /** `pairKeyText(pair)`. */
  key: string
  start: number
  end: number
  /** As reported; the smallest by hash, sorted. Attributes, not part of the key. */
  destinationIdentities: string[]
  destinationNamespace: string
  /** Issuers of the source's certificates in good handshakes, as the destination saw them. */
  peerIssuers: string[]
  /** Origin of the source's name: `identity` verified by TLS, `declared` by the inventory, or `address`. */
  sourceKnownBy: 'identity' | 'declared' | 'address'
  tallies: Tally[]
  /**
   * By outcome, in the order of OUTCOMES: calls of the reporter whose count holds that were counted in an earlier window, where
   * the other end told of them. Left out where there are none.
   */
  again?: number[]
  denials: DenialTally[]
  tls: TlsTally[]
  mismatches: MismatchTally[]
  paths: PathTally[]
  /** Records (by weight) that went to `{*}`, by list. */
  overflow: { paths: number; denials: number; tls: number; mismatches: number }
  latency: Latency
  /** Examples by what they show: `denied`, `tls_failure`, `mismatch`, `forbidden`, `plaintext`, `any`. */
  examples: Record<string, Example[]>
  /** End of the first and last call in it. */
  first: number
  last: number
  /** True where some reporter's telemetry of this time is missing: it teaches nothing. */
  incomplete: boolean
}

export function pairKeyText(pair: PairKey): string {
  return JSON.stringify([
    pair.destinationService,
    pair.sourceIdentity,
    pair.sourceNamespace,
    pair.sourceWorkload,
    pair.sourceAddress,
  ])
}

/** Order in which windows are judged: verified before claimed, then by key. */
export function byTrustAndKey(a: PairWindow, b: PairWindow): number {
  if (a.trust !== b.trust) return a.trust === 'verified' ? -1 : 1
  return a.key < b.key ? -1 : 1
}

/** The source half of a pair, by which stage 2 is partitioned. */
export function sourceKeyText(pair: PairKey): string {
  return JSON.stringify([pair.sourceIdentity, pair.sourceNamespace, pair.sourceWorkload, pair.sourceAddress])
}

/** Calls counted once (docs/architecture.md). */
export interface Counted {
  /** Requests by outcome, in the order of OUTCOMES. */
  outcomes: number[]
  requests: number
  denied: number
  handshakes: number
  /** Whose count it is; '' where nobody reported a request. */
  reporter: Reporter | ''
}

/**
 * Counts the window's calls once: the count of the destination where it reports requests of this pair and window, else the
 * source's, less what was counted in an earlier window. What one end may not see at all (TLS and connect failures, handshakes) is
 * the larger of both.
 */
export function countOnce({ tallies, again }: PairWindow): Counted {
  const chosen = REPORTER_PRECEDENCE.map((reporter) =>
    tallies.find((tally) => tally.reporter === reporter && tally.outcomes.some((n) => n > 0)),
  ).find((tally) => tally !== undefined)
  const largest = (pick: (tally: Tally) => number) => tallies.reduce((most, tally) => Math.max(most, pick(tally)), 0)
  const outcomes = OUTCOMES.map((outcome, at) =>
    outcome === 'tls_failure' || outcome === 'connect_failure'
      ? largest((tally) => tally.outcomes[at]!)
      : (chosen?.outcomes[at] ?? 0) - (again?.[at] ?? 0),
  )
  return {
    outcomes,
    requests: outcomes.reduce((sum, n) => sum + n, 0),
    denied: outcomes[OUTCOMES.indexOf('denied')]!,
    handshakes: largest((tally) => tally.connections),
    reporter: chosen?.reporter ?? '',
  }
}

/** Requests of one operation, counted once: the destination's count where it has one. */
export function countPath(path: PathTally): number {
  return (path.byDestination > 0 ? path.byDestination : path.bySource) - (path.again ?? 0)
}

/** Windows of one input partition that ended at `end`. */
export interface WindowsRecord {
  partition: number
  end: number
  windows: PairWindow[]
}

const MAGIC = Buffer.from('EWW2')
const HEADER_BYTES = 8
const packr = new Packr({ useRecords: true, variableMapSize: true })

export function encodeWindows(record: WindowsRecord): Uint8Array {
  const body = packr.pack([record.partition, record.end, record.windows])
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32LE(crc32(body), MAGIC.copy(header))
  return Buffer.concat([header, body])
}

/**
 * The windows a bus record holds, or undefined where it holds something else (a tick). Throws `block_version` for a version this
 * program does not read and `block_corrupt` for bytes that changed on their way.
 */
export function decodeWindows(value: Uint8Array): WindowsRecord | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < 4 || MAGIC.compare(bytes, 0, 3, 0, 3) !== 0) return undefined
  if (bytes[3] !== MAGIC[3]) {
    const version = JSON.stringify(String.fromCharCode(bytes[3]!))
    throw new PipelineError(
      'block_version',
      `windows of version ${version} are not known; this program reads version ${String.fromCharCode(MAGIC[3]!)}`,
    )
  }
  const body = bytes.subarray(HEADER_BYTES)
  if (bytes.length < HEADER_BYTES || crc32(body) !== bytes.readUInt32LE(4)) {
    throw new PipelineError('block_corrupt', 'windows cannot be read: the checksum differs')
  }
  try {
    const [partition, end, windows] = packr.unpack(body) as [number, number, PairWindow[]]
    return { partition, end, windows }
  } catch (error) {
    throw new PipelineError('block_corrupt', `windows cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
