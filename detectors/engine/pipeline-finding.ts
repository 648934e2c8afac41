/**
 * What the engine has to say of its own input: collectors that are off or silent, records nobody can read, memory that was too small;
 * and what the running program says of its parts.
 */
import { MINUTE } from '../../core/clock.ts'
import type { Finding, Severity } from '../detector.ts'
import { callsSql } from '../evidence-sql.ts'
import { EMPTY_KEY } from '../finding.ts'
import { nameHash } from '../hash.ts'

const NAME = 'pipeline'
/** One finding a subject and so long: its content is the same however often it is made. */
const SPAN_US = 10 * MINUTE

export type PipelineTrouble =
  | 'collector_clock_off'
  | 'collector_gap'
  | 'collector_silent'
  | 'pairs_forgotten'
  | 'part_not_ready'
  | 'record_unreadable'
  | 'record_version'

interface Words {
  severity: Severity
  text: (subject: string, detail: string) => string
  verdict: string
}

const TEXTS: Record<PipelineTrouble, Words> = {
  collector_clock_off: {
    severity: 'warning',
    text: (subject) =>
      `The clock of collector ${subject} is more than five seconds off the others; it has no say in what time it is`,
    verdict: 'clock off',
  },
  collector_gap: {
    severity: 'warning',
    text: (subject, detail) =>
      `Collector ${subject} was down or could not write from ${detail}; what nobody sent again is missing, and windows of that time teach nothing`,
    verdict: 'telemetry missing',
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
  part_not_ready: {
    severity: 'high',
    text: (subject, detail) => `Eastwatch does not do its work (${subject}): ${detail}`,
    verdict: 'what comes meanwhile may be judged or stored late; /readyz and the log say what is wrong',
  },
  record_unreadable: {
    severity: 'warning',
    text: (subject, detail) =>
      `Records of ${subject} cannot be read, and what they hold is not judged; the first is at ${detail}`,
    verdict: 'bytes that do not hold together: a damaged disk or broker, or a writer that is not Eastwatch',
  },
  record_version: {
    severity: 'warning',
    text: (subject, detail) =>
      `Records of ${subject} are of another version of Eastwatch, and what they hold is not judged; the first is at ${detail}`,
    verdict: 'versions differ: let every process run the same one, newest readers first',
  },
}

/** `time` is log time: of the tick, or of the windows' end. `detail` is said of the first occurrence, where there is more to say. */
export function pipelineFinding(kind: PipelineTrouble, subject: string, time: number, detail = ''): Finding {
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
    // Parts are mended one by one; collectors that are off, or records that cannot be read, have one reason.
    cause: kind === 'part_not_ready' ? `${NAME}|${kind}|${subject}` : `${NAME}|${kind}`,
    windowStart: start,
    windowEnd: end,
    quietUs: 2 * SPAN_US,
    summary: text(subject, detail),
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
      facts: detail === '' ? { subject } : { subject, detail },
      sql: callsSql({ from: start, to: end, key: {} }),
    },
    technique: '',
  }
}
