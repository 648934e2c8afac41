/**
 * What happens to a change of an incident before it is a message in the outbox: a list of small stages, read top to bottom. Each
 * takes changes and gives fewer; all are synchronous, because they run inside a step and are committed with it.
 */
import type { Severity } from '../detectors/detector.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import { decide, type Reason, tell } from './decide.ts'
import { severityRank } from './incident.ts'
import { incidentKey, type Pending, type Queue } from './queue.ts'
import { fold, NO_STORM } from './storm.ts'

export interface Receiver {
  name: string
  minSeverity: Severity
}

/** One change of an incident, on its way to one receiver. */
export interface Change {
  record: IncidentRecord
  receiver: Receiver
  reason: Reason
}

export interface StageContext {
  queue: Queue
  /** Epoch microseconds by the outgoing side's clock. */
  now: number
  maxPending: number
  /** True while a message is being sent: it can no longer be taken back. */
  isInFlight(key: string): boolean
  partition: number
  /** The change's offset in its partition: with the partition it makes a summary's id unique for good. */
  offset: number
}

export type Stage = (changes: readonly Change[], context: StageContext) => readonly Change[]

export const PIPELINE: readonly Stage[] = [severeEnough, worthTelling, enqueue, summariseStorm]

export function runPipeline(record: IncidentRecord, receivers: readonly Receiver[], context: StageContext): void {
  let changes: readonly Change[] = receivers.map((receiver) => ({ record, receiver, reason: 'none' }))
  for (const stage of PIPELINE) {
    if (changes.length === 0) return
    changes = stage(changes, context)
  }
}

function severeEnough(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ record, receiver }) => severityRank(record.severity) >= severityRank(receiver.minSeverity))
}

function worthTelling(changes: readonly Change[], { queue }: StageContext): readonly Change[] {
  return changes
    .map((change) => ({ ...change, reason: decide(queue.told(change.receiver.name, change.record.id), change.record) }))
    .filter(({ reason }) => reason !== 'none')
}

/** A newer version takes the place of one that was not sent; `id` + version is the dedup key. */
function enqueue(changes: readonly Change[], { queue, now, isInFlight }: StageContext): readonly Change[] {
  for (const { record, receiver, reason: decided } of changes) {
    if (decided === 'none') continue
    const told = queue.told(receiver.name, record.id)
    const key = incidentKey(receiver.name, record.id)
    const unsent = isInFlight(key) ? undefined : queue.get(key)?.pending?.notice
    const isNews = unsent?.type === 'incident' && unsent.reason === 'first'
    const reason = isNews && decided === 'changed' ? 'first' : decided
    const notice = { type: 'incident', id: `${record.id}.${record.version}`, reason, record } as const
    queue.tell(receiver.name, record, tell(told, record), { notice, attempt: 0, since: now, due: now })
  }
  return changes
}

/** Too many messages for one receiver become one summary. One that was attempted grows no more: its id stands for its content. */
function summariseStorm(changes: readonly Change[], context: StageContext): readonly Change[] {
  const { queue, now, maxPending, isInFlight, partition, offset } = context
  for (const { receiver } of changes) {
    const waiting = queue.waiting(receiver.name)
    if (waiting.size <= maxPending) continue
    const movable = [...waiting].filter((key) => !isInFlight(key))
    const growing = movable.find((key) => isGrowingSummary(queue.get(key)?.pending))
    const grown = growing === undefined ? undefined : queue.get(growing)?.pending
    let storm = grown?.notice.type === 'summary' ? grown.notice.summary : NO_STORM
    for (const key of movable) {
      const notice = queue.get(key)?.pending?.notice
      if (notice?.type !== 'incident') continue
      storm = fold(storm, notice.record)
      queue.setPending(key, undefined)
    }
    const id = grown?.notice.id ?? `summary.${partition}.${receiver.name}.${offset}`
    const notice = { type: 'summary', id, summary: storm } as const
    if (growing !== undefined && grown !== undefined) queue.setPending(growing, { ...grown, notice })
    else if (storm.changes > 0) queue.addSummary(receiver.name, offset, { notice, attempt: 0, since: now, due: now })
  }
  return changes
}

function isGrowingSummary(pending: Pending | undefined): boolean {
  return pending?.notice.type === 'summary' && pending.attempt === 0
}
