/** `eastwatch.incidents` into four tables: changes of incidents, attempts to notify, operators' actions, silences. */
import { TOPIC } from '../../core/bus/topics.ts'
import { type AlertRecord, decodeAlertRecord } from '../incident-records.ts'
import { RowGatherer, type TableRow, timeText } from '../rows.ts'
import type { SinkSpec } from '../sink.ts'

export const incidentsSink: SinkSpec = {
  name: 'incidents',
  topic: TOPIC.incidents,
  gatherer: () =>
    new RowGatherer({
      // An action's audit stands behind all that it changed: whoever sees it in the store sees the change (alerts/api/take.ts).
      awaited: 'audit',
      tables: {
        incidents: { column: 'opened_at', by: 'month' },
        notifications: { column: 'at', by: 'month' },
        audit: { column: 'at', by: 'month' },
        silences: { column: 'created_at', by: 'month' },
      },
      rows: (value) => {
        const record = decodeAlertRecord(value)
        return record === undefined ? undefined : [alertRow(record)]
      },
    }),
}

export function alertRow(record: AlertRecord): TableRow {
  switch (record.type) {
    case 'incident':
      return {
        table: 'incidents',
        at: record.openedAt,
        values: {
          id: record.id,
          version: record.version,
          fingerprint: record.fingerprint,
          status: record.status,
          detector: record.detector,
          kinds: record.kinds,
          severity: record.severity,
          cause: record.cause,
          summary: record.summary,
          source_identity: record.sourceIdentity,
          source_workload: record.sourceWorkload,
          source_namespace: record.sourceNamespace,
          destination_service: record.destinationService,
          destination_namespace: record.destinationNamespace,
          sources: record.sources,
          destinations: record.destinations,
          operation: record.operation,
          verdict: record.verdict,
          opened_at: timeText(record.openedAt),
          updated_at: timeText(record.updatedAt),
          resolved_at: timeText(record.resolvedAt),
          acknowledged_by: record.acknowledgedBy,
          acknowledged_at: timeText(record.acknowledgedAt),
          silenced_by: record.silencedBy,
          silenced_until: timeText(record.silencedUntil),
          resolved_by: record.resolvedBy,
          accepted_until: timeText(record.acceptedUntil),
          reopened: record.reopened,
          findings: record.findings,
          last_finding_id: record.lastFindingId,
          evidence: record.evidence,
        },
      }
    case 'notification':
      return {
        table: 'notifications',
        at: record.at,
        values: {
          id: record.id,
          incident_id: record.incidentId,
          incident_version: record.incidentVersion,
          receiver: record.receiver,
          reason: record.reason,
          status: record.status,
          attempt: record.attempt,
          at: timeText(record.at),
          detail: record.detail,
        },
      }
    case 'audit':
      return {
        table: 'audit',
        at: record.at,
        values: {
          id: record.id,
          at: timeText(record.at),
          actor: record.actor,
          action: record.action,
          subject: record.subject,
          detail: record.detail,
        },
      }
    case 'silence':
      return {
        table: 'silences',
        at: record.createdAt,
        values: {
          id: record.id,
          version: record.version,
          matchers: record.matchers,
          starts_at: timeText(record.startsAt),
          ends_at: timeText(record.endsAt),
          created_at: timeText(record.createdAt),
          created_by: record.createdBy,
          reason: record.reason,
          namespaces: record.namespaces,
          by_admin: record.byAdmin,
          ended_by: record.endedBy,
        },
      }
  }
}
