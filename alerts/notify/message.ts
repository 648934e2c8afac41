/**
 * The JSON a receiver gets (docs/alerts.md describes each field). Times are RFC 3339 with microseconds cut to milliseconds.
 * At most MAX_BODY_BYTES: examples are cut first, then facts.
 */
import { boundedEvidence, parseEvidence } from '../evidence.ts'
import type { GroupNotice, Notice, SummaryNotice } from './channel.ts'

export const MAX_BODY_BYTES = 64 * 1024

/** Evidence is bounded in UTF-16 units; one takes at most three bytes, or six as a JSON escape. */
const EVIDENCE_CHARS = [16_384, 8_192, 2_048]

export function messageBody(notice: Notice): Buffer {
  if (notice.type === 'summary') return Buffer.from(JSON.stringify(summaryMessage(notice)))
  for (const chars of EVIDENCE_CHARS) {
    const body = Buffer.from(JSON.stringify(incidentMessage(notice, chars)))
    if (body.length <= MAX_BODY_BYTES) return body
  }
  return Buffer.from(JSON.stringify(incidentMessage(notice, 0)))
}

function incidentMessage({ id, news: [{ reason, record }] }: GroupNotice, evidenceChars: number) {
  const { examples, facts, sql, technique, verdict, ...evidence } = boundedEvidence(
    parseEvidence(record.evidence),
    evidenceChars,
  )
  return {
    type: 'eastwatch.incident',
    version: 1,
    id,
    reason,
    summary: record.summary,
    severity: record.severity,
    status: record.status,
    incident: {
      id: record.id,
      version: record.version,
      detector: record.detector,
      kinds: record.kinds,
      cause: record.cause,
      openedAt: time(record.openedAt),
      updatedAt: time(record.updatedAt),
      resolvedAt: time(record.resolvedAt),
      reopened: record.reopened,
      findings: record.findings,
    },
    source: {
      identity: record.sourceIdentity,
      workload: record.sourceWorkload,
      namespace: record.sourceNamespace,
    },
    destination: { service: record.destinationService, operation: record.operation },
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
    links: techniqueLinks(technique),
  }
}

function summaryMessage({ id, summary }: SummaryNotice) {
  return {
    type: 'eastwatch.summary',
    version: 1,
    id,
    summary: `${summary.changes} changes of incidents in one message, because too many were waiting`,
    severity: summary.worst[0]?.severity ?? 'info',
    changes: summary.changes,
    bySeverity: summary.bySeverity,
    byCause: summary.byCause,
    otherCauses: summary.otherCauses,
    from: time(summary.from),
    to: time(summary.to),
    worst: summary.worst,
    sql: 'SELECT * FROM eastwatch.incidents FINAL ORDER BY updated_at DESC LIMIT 100',
  }
}

/** RFC 3339, or null where the time is not known. */
function time(us: number): string | null {
  return us > 0 && us < 8.64e18 ? new Date(Math.floor(us / 1000)).toISOString() : null
}

function techniqueLinks(technique: string) {
  const match = /^(T\d{4})(?:\.(\d{3}))?$/.exec(technique)
  if (match === null) return []
  const path = match[2] === undefined ? match[1] : `${match[1]}/${match[2]}`
  return [{ text: `ATT&CK ${technique}`, href: `https://attack.mitre.org/techniques/${path}/` }]
}
