/**
 * Evidence as an incident carries it: the newest finding's evidence and technique as JSON text of bounded size. Findings are
 * made from telemetry, so every text and every list is cut here once more; what is cut is in the findings table in full.
 */
import type { Evidence, Finding } from '../detectors/detector.ts'
import { clip } from './clip.ts'

export const MAX_EVIDENCE_CHARS = 16_384
const MAX_EXAMPLES = 5
const MAX_FACTS = 20
const MAX_TEXT = 500
const MAX_SQL = 4_000

export interface IncidentEvidence extends Evidence {
  /** ATT&CK technique; '' where none fits. */
  technique: string
  /** The finding's kind and window, epoch microseconds. */
  kind: string
  windowStart: number
  windowEnd: number
}

/** Shrinks examples first, then facts, then texts, until the evidence fits `maxChars`. */
export function boundedEvidence(evidence: IncidentEvidence, maxChars: number): IncidentEvidence {
  let bounded = cut(evidence, MAX_EXAMPLES, MAX_FACTS, MAX_TEXT)
  for (const [examples, facts, text] of [
    [2, MAX_FACTS, 200],
    [0, 5, 200],
    [0, 0, 100],
  ] as const) {
    if (JSON.stringify(bounded).length <= maxChars) return bounded
    bounded = cut(evidence, examples, facts, text)
  }
  return JSON.stringify(bounded).length <= maxChars ? bounded : { ...bounded, sql: '' }
}

export function evidenceText(finding: Finding): string {
  const { technique, kind, windowStart, windowEnd } = finding
  return JSON.stringify(
    boundedEvidence({ ...finding.evidence, technique, kind, windowStart, windowEnd }, MAX_EVIDENCE_CHARS),
  )
}

export function parseEvidence(text: string): IncidentEvidence {
  return JSON.parse(text) as IncidentEvidence
}

function cut(evidence: IncidentEvidence, examples: number, facts: number, text: number): IncidentEvidence {
  return {
    ...evidence,
    kind: clip(evidence.kind, text),
    unit: clip(evidence.unit, text),
    verdict: clip(evidence.verdict, text),
    blind: clip(evidence.blind, text),
    technique: clip(evidence.technique, text),
    // A statement cut in the middle would not run: all or nothing.
    sql: evidence.sql.length <= MAX_SQL ? evidence.sql : '',
    examples: evidence.examples.slice(0, examples).map((example) => ({
      ...example,
      requestId: clip(example.requestId, text),
      traceId: clip(example.traceId, text),
      sourceAddress: clip(example.sourceAddress, text),
      method: clip(example.method, text),
      path: clip(example.path, text),
      detail: clip(example.detail, text),
    })),
    facts: Object.fromEntries(
      Object.entries(evidence.facts)
        .slice(0, facts)
        .map(([label, value]) => [clip(label, text), typeof value === 'string' ? clip(value, text) : value]),
    ),
  }
}
