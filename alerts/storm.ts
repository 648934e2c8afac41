/** Many changes of incidents folded into one bounded message. The incidents themselves are in the store, each in full. */
import type { IncidentRecord } from '../storage/incident-records.ts'
import { clip } from './clip.ts'
import { severityRank } from './incident.ts'
import type { Receiver } from './pipeline.ts'
import type { Queue, WaitingGroup } from './queue.ts'

const MAX_CAUSES = 20
const MAX_WORST = 20
const MAX_TEXT = 300

export interface StormSummary {
  /** Changes folded in, at least one per incident. */
  changes: number
  bySeverity: Record<string, number>
  /** Changes per cause, for the first causes seen. */
  byCause: Record<string, number>
  /** Changes of further causes. */
  otherCauses: number
  /** Epoch microseconds of tick time: the first and last change. */
  from: number
  to: number
  /** The most severe, newest state of each. */
  worst: readonly { id: string; severity: string; status: string; summary: string }[]
}

export const NO_STORM: StormSummary = {
  changes: 0,
  bySeverity: {},
  byCause: {},
  otherCauses: 0,
  from: 0,
  to: 0,
  worst: [],
}

export function fold(storm: StormSummary, record: IncidentRecord): StormSummary {
  const cause = clip(record.cause, MAX_TEXT)
  const known = Object.hasOwn(storm.byCause, cause) || Object.keys(storm.byCause).length < MAX_CAUSES
  const { id, severity, status, updatedAt } = record
  return {
    changes: storm.changes + 1,
    bySeverity: { ...storm.bySeverity, [severity]: (storm.bySeverity[severity] ?? 0) + 1 },
    byCause: known ? { ...storm.byCause, [cause]: (storm.byCause[cause] ?? 0) + 1 } : storm.byCause,
    otherCauses: storm.otherCauses + (known ? 0 : 1),
    from: storm.changes === 0 ? updatedAt : Math.min(storm.from, updatedAt),
    to: Math.max(storm.to, updatedAt),
    worst: [
      ...storm.worst.filter((other) => other.id !== id),
      { id, severity, status, summary: clip(record.summary, MAX_TEXT) },
    ]
      .sort((a, b) => severityRank(b.severity) - severityRank(a.severity))
      .slice(0, MAX_WORST),
  }
}

export interface StormContext {
  queue: Queue
  /** Epoch microseconds by the outgoing side's clock. */
  now: number
  /** The change's offset in the log. */
  offset: number
  maxPending: number
  /** True while a message is being sent: it can no longer be taken back. */
  isInFlight(key: string): boolean
}

/**
 * Too many messages for one receiver become one summary, which grows until it is taken. Critical ones are still told by themselves, up to
 * as many again; so are ends to a receiver that would hold on to what is over.
 */
export function summariseStorm({ name: receiver, repeatUs, holdsOpen }: Receiver, context: StormContext): void {
  const { queue, now, offset, maxPending, isInFlight } = context
  if (repeatUs !== undefined) return
  const all = queue.waiting(receiver)
  if (all.size <= maxPending) return
  const waiting = holdsOpen ? [...all].filter(([, group]) => queue.openIn(receiver, group.key) > 0) : [...all]
  const others = waiting.filter(([, group]) => !isCritical(group, queue))
  const folded = waiting.length - others.length > maxPending ? waiting : others
  if (folded.length <= maxPending) return
  const growing = [...queue.summaries()].find(([key, one]) => one.receiver === receiver && !isInFlight(key))
  let summary = growing?.[1].summary ?? NO_STORM
  for (const [key, { pending, ...group }] of folded) {
    if (isInFlight(key)) continue
    for (const { id } of pending.news) {
      const record = queue.incident(id)
      if (record !== undefined) summary = fold(summary, record)
    }
    summary = { ...summary, changes: summary.changes + pending.others }
    queue.setGroup(group)
  }
  if (summary.changes === 0) return
  if (growing !== undefined) queue.setSummary(growing[0], { ...growing[1], summary })
  else queue.addSummary(offset, { receiver, summary, attempt: 0, since: now, notBefore: 0 })
}

function isCritical({ pending }: WaitingGroup, queue: Queue): boolean {
  return pending.news.some(({ id }) => {
    const record = queue.incident(id)
    return record?.severity === 'critical' && record.status === 'open'
  })
}
