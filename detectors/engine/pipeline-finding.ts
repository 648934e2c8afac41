/** What the engine has to say of its own input: a collector whose clock is off or that fell silent, memory that was too small. */
import { MINUTE } from '../../core/clock.ts'
import type { Finding, Severity } from '../detector.ts'
import { callsSql } from '../evidence-sql.ts'
import { EMPTY_KEY } from '../finding.ts'
import { nameHash } from '../hash.ts'

const NAME = 'pipeline'
/** One finding a subject and so long: its content is the same however often it is made. */
const SPAN_US = 10 * MINUTE

export type PipelineTrouble = 'collector_clock_off' | 'collector_silent' | 'pairs_forgotten'

const TEXTS: Record<PipelineTrouble, { severity: Severity; text: (subject: string) => string; verdict: string }> = {
  collector_clock_off: {
    severity: 'warning',
    text: (subject) =>
      `The clock of collector ${subject} is more than five seconds off the others; it has no say in what time it is`,
    verdict: 'clock off',
  },
  collector_silent: {
    severity: 'warning',
    text: (subject) =>
      `Collector ${subject} fell silent without leaving; time goes on without it, and what it still holds will be late`,
    verdict: 'silent',
  },
  pairs_forgotten: {
    severity: 'warning',
    text: (subject) =>
      `There were more pairs than can be remembered in ${subject}: the youngest and longest idle were forgotten`,
    verdict: 'out of room: see maxPairsPerPartition and maxPairsPerDestination',
  },
}

/** `time` is log time: of the tick, or of the windows' end. */
export function pipelineFinding(kind: PipelineTrouble, subject: string, time: number): Finding {
  const { severity, text, verdict } = TEXTS[kind]
  const start = Math.floor(time / SPAN_US) * SPAN_US
  const end = start + SPAN_US
  return {
    id: nameHash([NAME, kind, subject, start]),
    detector: NAME,
    kind,
    severity,
    key: { ...EMPTY_KEY },
    fingerprint: nameHash([NAME, kind, subject]),
    cause: `${NAME}|${kind}`,
    windowStart: start,
    windowEnd: end,
    quietUs: 2 * SPAN_US,
    summary: text(subject),
    evidence: {
      observed: 1,
      expected: 0,
      unit: 'occurrences',
      p: null,
      detectable: null,
      baselineSamples: 0,
      baselineSince: 0,
      dispersion: null,
      firstSeen: start,
      lastSeen: end,
      verdict,
      blind: '',
      examples: [],
      facts: { subject },
      sql: callsSql({ from: start, to: end, key: {} }),
    },
    technique: '',
  }
}
