/** What a workload that is used but no longer reports is told as. */
import { DAY, HOUR, MINUTE } from '../core/clock.ts'
import type { Finding, FindingKey, Stage, WindowGroup } from './detector.ts'
import { reportsSql } from './evidence-sql.ts'
import { EMPTY_KEY, finding, sourceName } from './finding.ts'
import { WINDOW_US } from './window.ts'
import { counted } from './wording.ts'

export const TELEMETRY_STOPPED = 'telemetry_stopped'
const LEAST_QUIET_US = 10 * MINUTE

/** Windows in a row with calls of which the watched end reported none; all 0 where it reported in the last. Times in microseconds. */
export interface Silence {
  /** Starts of the first and the last such window. */
  since: number
  last: number
  windows: number
  /** Successful calls that the other ends reported, and how many reports of them should have come. */
  calls: number
  missing: number
  /** Widest gap between two such windows. */
  widest: number
  /** Start of the window in which it was told last, 0 where it was not. */
  told: number
  /** End of the last window with a report. */
  heard: number
  /** Windows of the longest silence that ended without being told; it fades. */
  longest: number
}

export interface Present {
  /** Pairs that report for the others in this window, and reports their expectation rests on. */
  callers: number
  baseline: number
  /** An unverified sender speaks for the watched end. */
  claimed: boolean
}

export function telemetryStopped(group: WindowGroup, stage: Stage, silence: Silence, present: Present): Finding {
  const window = group.windows.find(({ trust }) => trust === 'verified')!
  const key: FindingKey =
    stage === 'destination'
      ? { ...EMPTY_KEY, destinationService: group.owner }
      : { ...EMPTY_KEY, ...window.pair, destinationService: '' }
  const young = group.start - group.ownerSince < DAY
  const calls = counted(Math.round(silence.calls), 'successful call')
  const text = TEXTS[stage]
  const namespace = stage === 'destination' ? window.destinationNamespace : window.pair.sourceNamespace
  return finding(group, {
    detector: TELEMETRY_STOPPED,
    kind: `${stage}_silent`,
    severity: young ? 'warning' : 'high',
    key,
    cause: `${TELEMETRY_STOPPED}|${stage}|${namespace}`,
    // Over when reports have come again for so long, or nobody uses it any more.
    quietUs: Math.min(DAY, Math.max(LEAST_QUIET_US, 2 * silence.widest)),
    summary: text.summary(stage === 'destination' ? group.owner : sourceName(window.pair), calls, since(silence)),
    technique: 'T1562',
    evidence: {
      observed: 0,
      expected: silence.missing,
      unit: 'reports',
      p: null,
      detectable: null,
      baselineSamples: Math.round(present.baseline),
      baselineSince: group.ownerSince,
      dispersion: null,
      firstSeen: silence.since,
      lastSeen: window.last,
      verdict: text.verdict,
      blind: present.claimed
        ? `${text.blind}; a sender that does not prove who it is speaks for it meanwhile`
        : text.blind,
      examples: group.windows
        .flatMap(({ trust, examples }) => (trust === 'verified' ? (examples.any ?? []) : []))
        .slice(0, 3),
      facts: {
        calls_reported_by_others: Math.round(silence.calls),
        [text.others]: present.callers,
        silent_windows: silence.windows,
        silent_seconds: Math.round((group.end - silence.since) / 1_000_000),
        last_report: moment(silence.heard),
        longest_usual_silence_seconds: Math.round((silence.longest * WINDOW_US) / 1_000_000),
        claimed_reports_meanwhile: present.claimed ? 'yes' : 'no',
      },
      sql: reportsSql({ from: silence.since - HOUR, to: group.end, key }),
    },
  })
}

const TEXTS = {
  destination: {
    summary: (name: string, calls: string, since: string) =>
      `${name} answers its callers (they report ${calls}), but its own proxy has reported none since ${since}`,
    verdict:
      'its callers are answered, and its own proxy says nothing: its telemetry was switched off, cut off or lost',
    blind:
      'replicas are not told apart: one of several that falls silent is not seen; traffic that went to a cluster whose proxies ' +
      'report elsewhere, or callers that lie, look the same',
    others: 'callers',
  },
  source: {
    summary: (name: string, calls: string, since: string) =>
      `${name} calls others (they report ${calls} with its certificate), but its own proxy has reported none since ${since}`,
    verdict:
      'its identity is used, and its own proxy says nothing: its telemetry was switched off, cut off or lost, or it is not the one that calls',
    blind:
      'replicas are not told apart: one of several that falls silent is not seen; a copied certificate used while its owner stands ' +
      'still looks the same; reports that come after their window was closed are not seen',
    others: 'destinations',
  },
} as const

function since({ heard, since }: Silence): string {
  return moment(heard || since)
}

function moment(us: number): string {
  return us === 0 ? '' : `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
