/**
 * What the `eastwatch.incidents` topic carries and the sinks store: every change of an incident, every attempt to notify, every
 * operator action. `alerts/` produces them; the tables `incidents`, `notifications` and `audit` hold them.
 */
import { jsonRecord } from '../core/bus/json-record.ts'

/** State of an incident after a change; the newest `version` of an id stands. */
export interface IncidentRecord {
  type: 'incident'
  /** Same over all its life: hash of the fingerprint and its first opening. */
  id: string
  fingerprint: string
  version: number
  status: 'open' | 'resolved'
  detector: string
  /** All kinds seen so far, sorted. */
  kinds: readonly string[]
  severity: string
  cause: string
  summary: string
  sourceIdentity: string
  sourceWorkload: string
  sourceNamespace: string
  destinationService: string
  /** Of the destination service, where its name says so. */
  destinationNamespace: string
  /** All it is about so far, in order of appearance, bounded: names of sources as identity or else workload, and destination services. */
  sources: readonly string[]
  destinations: readonly string[]
  operation: string
  verdict: string
  openedAt: number
  updatedAt: number
  /** 0 while open. */
  resolvedAt: number
  /** Who resolved it by hand; '' where its quiet time did. */
  resolvedBy: string
  /** Since it opened or reopened; '' and 0 while nobody has. */
  acknowledgedBy: string
  acknowledgedAt: number
  /** Id and end of the silence that mutes it; '' and 0 where none does. */
  silencedBy: string
  silencedUntil: number
  /** Until then further findings like those seen open nothing; 0 where nobody accepted it as normal. */
  acceptedUntil: number
  reopened: number
  findings: number
  lastFindingId: string
  /** Evidence of the newest finding, as JSON text. */
  evidence: string
}

export interface NotificationRecord {
  type: 'notification'
  id: string
  incidentId: string
  incidentVersion: number
  receiver: string
  reason: string
  status: 'sent' | 'failed' | 'dead'
  attempt: number
  at: number
  detail: string
}

export interface AuditRecord {
  type: 'audit'
  id: string
  at: number
  actor: string
  action: string
  subject: string
  detail: string
}

/** State of a silence after a change; the newest `version` of an id stands. */
export interface SilenceRecord {
  type: 'silence'
  id: string
  version: number
  /** As text, all of which must hold: alerts/matcher.ts. */
  matchers: readonly string[]
  startsAt: number
  endsAt: number
  createdAt: number
  createdBy: string
  reason: string
  /** Mutes only what is wholly within these namespaces; empty where its maker is not limited. */
  namespaces: readonly string[]
  /** Made by an admin, who alone may mute what speaks of a stolen or false identity. */
  byAdmin: boolean
  /** Who ended it early; '' where its time does. */
  endedBy: string
}

export type AlertRecord = IncidentRecord | NotificationRecord | AuditRecord | SilenceRecord

const record = jsonRecord<AlertRecord>('EWI1')
export const encodeAlertRecord = record.encode
export const decodeAlertRecord = record.decode
