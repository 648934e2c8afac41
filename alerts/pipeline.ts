/**
 * What happens to a change of an incident before it is a message in the outbox: a list of small stages, read top to bottom. Each
 * takes changes and gives fewer; all are synchronous, because they run inside a step and are committed with it.
 */
import { createHash } from 'node:crypto'
import type { Severity } from '../detectors/detector.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import { decide, type Reason, tell } from './decide.ts'
import { severityRank } from './incident.ts'
import type { Queue } from './queue.ts'
import { fold, NO_STORM, type StormSummary } from './storm.ts'

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
  /** The change's offset in its partition. */
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

/** A newer version takes the place of one that was not sent. All of a message follows from the log, so its id stands for it. */
function enqueue(changes: readonly Change[], { queue, now }: StageContext): readonly Change[] {
  for (const { record, receiver, reason } of changes) {
    if (reason === 'none') continue
    const told = tell(queue.told(receiver.name, record.id), record)
    const notice = { type: 'incident', id: `${record.id}.${record.version}`, reason, record } as const
    queue.tell(receiver.name, record, told, { notice, attempt: 0, since: now, due: now })
  }
  return changes
}

/** Too many messages for one receiver become one summary, which grows until it is taken. */
function summariseStorm(changes: readonly Change[], context: StageContext): readonly Change[] {
  const { queue, now, maxPending, isInFlight, offset } = context
  for (const { receiver } of changes) {
    const waiting = queue.waiting(receiver.name)
    if (waiting.size <= maxPending) continue
    const movable = [...waiting].filter((key) => !isInFlight(key))
    const growing = movable.find((key) => queue.get(key)?.pending?.notice.type === 'summary')
    const grown = growing === undefined ? undefined : queue.get(growing)?.pending
    let storm = grown?.notice.type === 'summary' ? grown.notice.summary : NO_STORM
    for (const key of movable) {
      const notice = queue.get(key)?.pending?.notice
      if (notice?.type !== 'incident') continue
      storm = fold(storm, notice.record)
      queue.setPending(key, undefined)
    }
    const notice = { type: 'summary', id: summaryId(receiver.name, storm, context), summary: storm } as const
    if (growing !== undefined && grown !== undefined) queue.setPending(growing, { ...grown, notice })
    else if (storm.changes > 0) queue.addSummary(receiver.name, offset, { notice, attempt: 0, since: now, due: now })
  }
  return changes
}

/** Of its content: a summary that grew, or that a restart folded otherwise, is another message to the receiver. */
function summaryId(receiver: string, storm: StormSummary, { partition }: StageContext): string {
  const hash = createHash('sha256').update(JSON.stringify([partition, receiver, storm]))
  return `summary.${hash.digest('hex').slice(0, 32)}`
}
