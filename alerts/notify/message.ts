/**
 * The JSON a receiver gets (docs/alerts.md describes each field). Times are RFC 3339 with microseconds cut to milliseconds.
 * At most MAX_BODY_BYTES.
 */
import type { IncidentRecord } from '../../storage/incident-records.ts'
import { clip } from '../clip.ts'
import { boundedEvidence, parseEvidence } from '../evidence.ts'
import type { GroupNotice, News, Notice, SummaryNotice } from './channel.ts'
import { type Cut, fitted } from './fitted.ts'
import { headline } from './headline.ts'
import { linksOf } from './links.ts'
import { jsonText } from './plain.ts'

export const MAX_BODY_BYTES = 64 * 1024
const MAX_HEADLINE = 300
const MAX_SUMMARY_TEXT = 300
const LEAST_SUMMARY_TEXT = 100

export function messageBody(notice: Notice, consoleUrl: string | undefined): Buffer {
  if (notice.type === 'summary') return summaryBody(notice)
  return fitted(MAX_BODY_BYTES, notice, (news, others, cut) =>
    notice.news.length === 1 && others === 0
      ? incidentMessage(notice, cut, consoleUrl)
      : groupMessage(notice, news, others, cut, consoleUrl),
  )
}

function incidentMessage(notice: GroupNotice, cut: Cut, consoleUrl: string | undefined) {
  const { id, news } = notice
  return {
    type: 'eastwatch.incident',
    version: 1,
    id,
    ...told(news[0], cut, consoleUrl),
    group: groupOf(notice, cut),
  }
}

function groupMessage(
  notice: GroupNotice,
  news: readonly News[],
  others: number,
  cut: Cut,
  consoleUrl: string | undefined,
) {
  return {
    type: 'eastwatch.group',
    version: 1,
    id: notice.id,
    summary: headline(notice, MAX_HEADLINE),
    severity: notice.news[0].record.severity,
    status: notice.open > 0 ? 'open' : 'resolved',
    group: groupOf(notice, cut),
    incidents: news.map((one) => told(one, cut, consoleUrl)),
    others,
  }
}

function groupOf({ key, labels, open }: GroupNotice, { text }: Cut) {
  const bounded = Object.entries(labels).map(([label, value]) => [clip(label, text), clip(value, text)])
  return { key, labels: Object.fromEntries(bounded) as Record<string, string>, open }
}

/** What is said of one incident. */
function told({ reason, record }: News, cut: Cut, consoleUrl: string | undefined) {
  const { examples, facts, sql, technique, verdict, ...evidence } = boundedEvidence(
    parseEvidence(record.evidence),
    cut.evidence,
  )
  const text = (long: string) => clip(long, cut.text)
  const list = (names: readonly string[]) => names.slice(0, cut.list).map(text)
  return {
    reason,
    summary: text(record.summary),
    severity: record.severity,
    status: record.status,
    incident: { ...lifeOf(record, cut), kinds: list(record.kinds), cause: text(record.cause) },
    source: {
      identity: text(record.sourceIdentity),
      workload: text(record.sourceWorkload),
      namespace: text(record.sourceNamespace),
    },
    sources: list(record.sources),
    destination: {
      service: text(record.destinationService),
      namespace: text(record.destinationNamespace),
      operation: text(record.operation),
    },
    destinations: list(record.destinations),
    verdict,
    evidence: {
      observed: evidence.observed,
      expected: evidence.expected,
      unit: evidence.unit,
      probability: evidence.p,
      smallestDetectable: evidence.detectable,
      expectedFrom: { samples: evidence.baselineSamples, since: time(evidence.baselineSince) },
      firstSeen: time(evidence.firstSeen),
      lastSeen: time(evidence.lastSeen),
      notVisible: evidence.blind,
      facts,
      examples: examples.map(({ at, ...example }) => ({ at: time(at), ...example })),
    },
    technique,
    sql,
    links: linksOf(record, technique, consoleUrl),
  }
}

/** What happened to it, and who did what about it. */
function lifeOf(record: IncidentRecord, { text }: Cut) {
  return {
    id: record.id,
    version: record.version,
    detector: clip(record.detector, text),
    openedAt: time(record.openedAt),
    updatedAt: time(record.updatedAt),
    resolvedAt: time(record.resolvedAt),
    resolvedBy: clip(record.resolvedBy, text),
    acknowledgedAt: time(record.acknowledgedAt),
    acknowledgedBy: clip(record.acknowledgedBy, text),
    silencedUntil: time(record.silencedUntil),
    reopened: record.reopened,
    findings: record.findings,
  }
}

/** Its lists are bounded already, in units of which each may take six bytes. */
function summaryBody(notice: SummaryNotice): Buffer {
  const body = Buffer.from(jsonText(summaryMessage(notice, MAX_SUMMARY_TEXT)))
  return body.length <= MAX_BODY_BYTES ? body : Buffer.from(jsonText(summaryMessage(notice, LEAST_SUMMARY_TEXT)))
}

function summaryMessage(notice: SummaryNotice, max: number) {
  const { id, summary } = notice
  return {
    type: 'eastwatch.summary',
    version: 1,
    id,
    summary: headline(notice, MAX_HEADLINE),
    severity: summary.worst[0]?.severity ?? 'info',
    changes: summary.changes,
    bySeverity: summary.bySeverity,
    byCause: Object.fromEntries(Object.entries(summary.byCause).map(([cause, count]) => [clip(cause, max), count])),
    otherCauses: summary.otherCauses,
    from: time(summary.from),
    to: time(summary.to),
    worst: summary.worst.map(({ summary: text, ...one }) => ({ ...one, summary: clip(text, max) })),
    sql: 'SELECT * FROM eastwatch.incidents FINAL ORDER BY updated_at DESC LIMIT 100',
  }
}

/** RFC 3339, or null where the time is not known. */
export function time(us: number): string | null {
  return us > 0 && us < 8.64e18 ? new Date(Math.floor(us / 1000)).toISOString() : null
}
