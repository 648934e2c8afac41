/** Notices as the outbox makes them, for the tests of channels. */
import { applyFinding } from '../../../alerts/incident.ts'
import type { ChannelContext, GroupNotice, News, SummaryNotice } from '../../../alerts/notify/channel.ts'
import { fold, NO_STORM } from '../../../alerts/storm.ts'
import type { Finding } from '../../../detectors/detector.ts'
import type { IncidentRecord } from '../../../storage/incident-records.ts'
import { finding, T0 } from '../findings.ts'

export const CONSOLE = 'https://eastwatch.example.com'
export const AROUND: ChannelContext = { consoleUrl: CONSOLE, dataFolder: '/nowhere', version: '0.1.0' }
/** Time of an attempt, some while after the incident began. */
export const NOW = T0 / 1_000_000 + 100
export const KEY = '0123456789abcdef0123456789abcdef'

/** What is new of an incident with one finding. */
export function news(
  reason: News['reason'],
  changes: Partial<Finding> = {},
  record: Partial<IncidentRecord> = {},
): News {
  const opened = applyFinding(undefined, finding(10, changes), 0)[0]!.record
  return { reason, record: { ...opened, ...STATES[reason], ...record } }
}

const STATES: Readonly<Record<News['reason'], Partial<IncidentRecord>>> = {
  first: {},
  changed: { version: 2, findings: 2 },
  acknowledged: { version: 2, acknowledgedBy: 'ada', acknowledgedAt: T0 + 20_000_000 },
  repeat: { version: 2 },
  resolved: { version: 3, status: 'resolved', resolvedAt: T0 + 70_000_000, updatedAt: T0 + 70_000_000 },
}

export function group(all: readonly [News, ...News[]], changes: Partial<GroupNotice> = {}): GroupNotice {
  const open = all.filter(({ record }) => record.status === 'open').length
  const labels = { cause: 'denial_spike|policy|shop/deny-cart' }
  return { type: 'group', id: `${KEY}.1`, key: KEY, labels, open, news: all, others: 0, ...changes }
}

/** One incident of its own, by which nothing else is told. */
export function single(...told: Parameters<typeof news>): GroupNotice {
  return group([news(...told)])
}

/** As many incidents, all with news of the one kind. */
export function many(count: number, changes: Partial<Finding> = {}, reason: News['reason'] = 'first'): GroupNotice {
  const all = Array.from({ length: count }, (_, at) => news(reason, { ...changes, fingerprint: `f${at}` }))
  return group(all as [News, ...News[]])
}

export function storm(count = 120, changes: Partial<Finding> = {}): SummaryNotice {
  let summary = NO_STORM
  for (let at = 0; at < count; at += 1) {
    const severity = at === 7 ? 'critical' : 'high'
    summary = fold(summary, news('first', { severity, ...changes, fingerprint: `f${at}` }).record)
  }
  return { type: 'summary', id: 'summary.1', summary }
}

/** A notice of each kind there is. */
export const EACH_KIND = [
  ['a new incident', single('first')],
  ['one that came again', single('first', {}, { reopened: 1, version: 4 })],
  ['a changed one', single('changed', { severity: 'critical' })],
  ['an acknowledged one', single('acknowledged')],
  ['one that is still open', single('repeat', { severity: 'warning' })],
  ['a resolved one', single('resolved')],
  [
    'one without example, technique and learned expectation',
    single('first', bare(), { sources: [], destinations: [] }),
  ],
  ['a group', many(3)],
  ['a group of which one is over', group([news('first'), news('resolved', { fingerprint: 'f2' })])],
  ['a group that is over', many(3, {}, 'resolved')],
  ['a group of fifty and more', { ...many(50), others: 7, open: 57 }],
  ['a storm', storm()],
] as const

function bare(): Partial<Finding> {
  const { key, evidence } = finding(10)
  const nobody = { ...key, sourceIdentity: '', sourceWorkload: '', sourceNamespace: '', destinationService: '' }
  const nothing = { examples: [], facts: {}, p: null, baselineSamples: 0, baselineSince: 0, sql: '', verdict: '' }
  return { severity: 'info', technique: '', key: nobody, evidence: { ...evidence, ...nothing } }
}
