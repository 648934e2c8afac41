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
  operation: string
  verdict: string
  openedAt: number
  updatedAt: number
  /** 0 while open. */
  resolvedAt: number
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

export type AlertRecord = IncidentRecord | NotificationRecord | AuditRecord

const record = jsonRecord<AlertRecord>('EWI1')
export const encodeAlertRecord = record.encode
export const decodeAlertRecord = record.decode
