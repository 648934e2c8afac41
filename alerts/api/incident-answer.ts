/** An incident as the API gives it, and how it is read from the store. */
import { z } from 'zod'
import type { Actor } from '../../core/action.ts'

export const IncidentAnswer = z.object({
  id: z.string(),
  version: z.number(),
  state: z.enum(['open', 'acknowledged', 'silenced', 'resolved']),
  detector: z.string(),
  kinds: z.array(z.string()),
  severity: z.string(),
  cause: z.string(),
  summary: z.string(),
  sourceIdentity: z.string(),
  sourceWorkload: z.string(),
  sourceNamespace: z.string(),
  destinationService: z.string(),
  sources: z.array(z.string()),
  destinations: z.array(z.string()),
  operation: z.string(),
  verdict: z.string(),
  openedAt: z.number().describe('Epoch milliseconds, as all times; 0 where there is none.'),
  updatedAt: z.number(),
  resolvedAt: z.number(),
  resolvedBy: z.string(),
  acknowledgedBy: z.string(),
  acknowledgedAt: z.number(),
  silencedBy: z.string().describe('Id of the silence that mutes it.'),
  silencedUntil: z.number(),
  acceptedUntil: z.number(),
  reopened: z.number(),
  findings: z.number(),
})
export type IncidentAnswer = z.output<typeof IncidentAnswer>

const ms = (column: string) => `toUnixTimestamp64Milli(${column})`

/** Columns of `incidents FINAL` under the names of IncidentAnswer. */
export const INCIDENT_COLUMNS = `id, toUInt32(version) AS version, state, detector, kinds, severity, cause, summary,
  source_identity AS sourceIdentity, source_workload AS sourceWorkload, source_namespace AS sourceNamespace,
  destination_service AS destinationService, sources, destinations, operation, verdict,
  toFloat64(${ms('opened_at')}) AS openedAt, toFloat64(${ms('updated_at')}) AS updatedAt,
  toFloat64(${ms('resolved_at')}) AS resolvedAt, resolved_by AS resolvedBy,
  acknowledged_by AS acknowledgedBy, toFloat64(${ms('acknowledged_at')}) AS acknowledgedAt,
  silenced_by AS silencedBy, toFloat64(${ms('silenced_until')}) AS silencedUntil,
  toFloat64(${ms('accepted_until')}) AS acceptedUntil, toUInt32(reopened) AS reopened, toUInt32(findings) AS findings`

/** What of the incidents the actor may see: what touches its namespaces (alerts/labels.ts says what those are). Names `{namespaces}`. */
export function isVisible({ namespaces }: Pick<Actor, 'namespaces'>): string {
  if (namespaces.length === 0) return '1'
  const own = (name: string) => `has({namespaces:Array(String)}, ${name})`
  return `(${own('source_namespace')} OR ${own('destination_namespace')}
    OR arrayExists(one -> ${own("extract(one, '/ns/([^/]+)/sa/')")}, sources)
    OR arrayExists(one -> ${own("extract(one, '^[^.]+[.]([^.]+)$')")}, destinations))`
}
