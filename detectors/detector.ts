/**
 * What a detector says. `Finding` is the value that leaves this folder: one detector's statement about one key at one time.
 * Everything in it derives from the log, so the same log gives the same findings, byte for byte.
 */

import { jsonRecord } from '../core/bus/json-record.ts'
import type { DetectorsConfig } from './config.ts'
import type { PairWindow } from './window.ts'

export type Severity = 'info' | 'warning' | 'high' | 'critical'
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'high', 'critical']

/** Who a finding is about. '' where it is about all. Names as in `Call`. */
export interface FindingKey {
  sourceIdentity: string
  sourceWorkload: string
  sourceNamespace: string
  sourceAddress: string
  destinationIdentity: string
  destinationService: string
  /** Method and route template, where the finding is about one operation. */
  operation: string
}

/** One record that shows what is meant. Kept are those with the smallest hash, so that any arrival order keeps the same. */
export interface Example {
  at: number
  requestId: string
  traceId: string
  sourceAddress: string
  method: string
  path: string
  status: number
  detail: string
}

export interface Evidence {
  /** What was seen and what was expected, in `unit`. */
  observed: number
  expected: number
  unit: string
  /** Probability of as much or more under the learned baseline, where the detector has one. */
  p: number | null
  /** Smallest change it could have found, in `unit`. */
  detectable: number | null
  /** How much data the expectation rests on. */
  baselineSamples: number
  baselineSince: number
  /** Learned between-window variation (rho, dispersion, sd), where there is one. */
  dispersion: number | null
  firstSeen: number
  lastSeen: number
  /** What decided it: policy, TLS verdict, reason the path is not allowed. */
  verdict: string
  /** What the detector could not see, in plain English; '' where nothing was missing. */
  blind: string
  examples: readonly Example[]
  /** Further facts for a person, label to value. */
  facts: Readonly<Record<string, string | number>>
  /** ClickHouse SQL that shows the records behind it and runs as it stands. Names from telemetry are escaped literals. */
  sql: string
}

export interface Finding {
  /** 128-bit hash of (detector, kind, key, window), hex. */
  id: string
  detector: string
  /** What the detector calls it: `rate`, `absolute`, `scan`, `impostor`, `expired`, `outside_graph`, `added_delay` ... */
  kind: string
  severity: Severity
  key: FindingKey
  /** Hash that is the same for all findings of one incident (detector, kind, key without window), hex. */
  fingerprint: string
  /** Incidents of one cause: e.g. `denial_spike|policy|shop/deny-x`. Grouping for notification, never deduplication. */
  cause: string
  windowStart: number
  windowEnd: number
  /** An incident resolves after so long (microseconds of tick time) without a further finding. */
  quietUs: number
  /** One sentence a woken person understands. */
  summary: string
  evidence: Evidence
  /** ATT&CK technique, e.g. `T1110`; '' where none fits. */
  technique: string
}

const record = jsonRecord<Finding>('EWF1')
/** A finding as the bus carries it. */
export const encodeFinding = record.encode
export const decodeFinding = record.decode

/** Where a detector stands: `destination` sees all pairs of one destination service, `source` all pairs of one source. */
export type Stage = 'destination' | 'source'

/** The windows of one owner (a destination service, or a source) that closed together, and what is remembered of it. */
export interface WindowGroup {
  owner: string
  start: number
  end: number
  /** Start of the first window this log was watched: history before it does not exist. */
  watchedSince: number
  /** Start of the owner's first verified window. */
  ownerSince: number
  /** In order of key. Verified and claimed records have windows of their own. */
  windows: readonly PairWindow[]
  /** True for records that came after their window was closed: only what needs no open window may be judged. */
  late: boolean
  /** Start of the pair's first verified window; `start` where this is the first. */
  pairSince(key: string): number
  /** Pairs of the owner that were seen at or after `time`, these windows included. */
  activePairs(time: number): number
  /** What this detector remembers of a pair: plain data, changed in place. Nothing is kept of pairs never verified. */
  pair<T extends object>(key: string, fresh: () => T): T
  /** What it remembers of the owner. */
  own<T extends object>(fresh: () => T): T
}

/** Pure and synchronous: what it says depends on the windows it was given, in order of time, and on nothing else. */
export interface Detector {
  onWindow(group: WindowGroup): Finding[]
  /** Late records; left out where the detector needs open windows. */
  onLate?(group: WindowGroup): Finding[]
}

export interface DetectorDefinition {
  name: string
  stage: Stage
  build(config: DetectorsConfig): Detector
}
