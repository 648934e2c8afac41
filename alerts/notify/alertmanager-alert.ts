/**
 * An incident as an alert of Alertmanager's kind. Labels are what such an alert is known by: one that changed would be another alert, and
 * the first would never resolve. So they hold only what stays over an incident's life: its id, its detector, and the first source and the
 * first destination, which are never taken away. What changes, severity among it, stands in annotations.
 */
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { type Label, labelsOf } from '../labels.ts'
import type { News } from './channel.ts'
import { factsOf, sqlOf } from './facts.ts'
import type { Cut } from './fitted.ts'
import { plain } from './plain.ts'

const MAX_LABEL = 300

const FIRST_OF: readonly Label[] = ['source', 'source_namespace', 'destination', 'destination_namespace']

/** None of them empty: to Alertmanager that is as good as none. */
export function stableLabels(record: IncidentRecord): Record<string, string> {
  const { id, detector, sources, destinations } = record
  const first = { sources: sources.slice(0, 1), destinations: destinations.slice(0, 1) }
  const labels = labelsOf({ ...record, ...first, sourceNamespace: '', destinationNamespace: '' })
  const named = FIRST_OF.map((label) => [label, plain(labels[label][0] ?? '', MAX_LABEL)])
  return {
    alertname: plain(detector, MAX_LABEL),
    incident: id,
    ...(Object.fromEntries(named.filter(([, value]) => value !== '')) as Record<string, string>),
  }
}

export function annotationsOf(news: News, { text, evidence }: Cut): Record<string, string> {
  const { reason, record } = news
  const sql = sqlOf(news)
  return {
    summary: plain(record.summary, text),
    description: factsOf(news, text)
      .map(({ label, text: fact }) => `${label}: ${fact}`)
      .join('\n'),
    severity: record.severity,
    reason,
    // All or nothing: cut in the middle it would not run.
    ...(sql === '' || sql.length > evidence ? {} : { sql }),
  }
}

/** RFC 3339; an incident's times are the log's, and always known. */
export function rfc3339(us: number): string {
  return new Date(Math.floor(us / 1000)).toISOString()
}
