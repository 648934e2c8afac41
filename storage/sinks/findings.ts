import { decodeAction } from '../../core/action.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { decodeFinding, type Finding } from '../../detectors/detector.ts'
import { RowGatherer, type TableRow, timeText } from '../rows.ts'
import type { SinkSpec } from '../sink.ts'

export const findingsSink: SinkSpec = {
  name: 'findings',
  topic: TOPIC.findings,
  gatherer: () =>
    new RowGatherer({
      tables: { findings: { column: 'window_end', by: 'month' } },
      rows: (value) => {
        const finding = decodeFinding(value)
        if (finding !== undefined) return [findingRow(finding)]
        // People's actions stand among the findings; what they did is in the audit.
        return decodeAction(value) === undefined ? undefined : []
      },
    }),
}

export function findingRow(finding: Finding): TableRow {
  const { key, evidence } = finding
  return {
    table: 'findings',
    at: finding.windowEnd,
    values: {
      id: finding.id,
      detector: finding.detector,
      kind: finding.kind,
      severity: finding.severity,
      source_identity: key.sourceIdentity,
      source_workload: key.sourceWorkload,
      source_namespace: key.sourceNamespace,
      source_address: key.sourceAddress,
      destination_identity: key.destinationIdentity,
      destination_service: key.destinationService,
      operation: key.operation,
      fingerprint: finding.fingerprint,
      cause: finding.cause,
      window_start: timeText(finding.windowStart),
      window_end: timeText(finding.windowEnd),
      summary: finding.summary,
      technique: finding.technique,
      observed: evidence.observed,
      expected: evidence.expected,
      unit: evidence.unit,
      p: evidence.p,
      detectable: evidence.detectable,
      baseline_samples: Math.max(0, Math.round(evidence.baselineSamples)),
      first_seen: timeText(evidence.firstSeen),
      last_seen: timeText(evidence.lastSeen),
      verdict: evidence.verdict,
      blind: evidence.blind,
      sql: evidence.sql,
      evidence: JSON.stringify(evidence),
    },
  }
}
