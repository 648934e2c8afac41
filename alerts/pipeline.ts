/**
 * What happens to an incident before it is news in the outbox: a list of small stages, read top to bottom. Each takes what one receiver
 * might be told, and gives fewer; all are synchronous, because they run inside a step and are committed with it.
 *
 * They compare what is with what was told, not what has just happened: an incident that was held back goes through them again, and is told
 * once nothing holds it any more.
 */
import type { Severity } from '../detectors/detector.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import { type Decision, decide, type Told, tell } from './decide.ts'
import { severityRank } from './incident.ts'
import type { Labels } from './labels.ts'
import { groupKey, type PendingNews, type Queue, withNews } from './queue.ts'
import type { Inhibition } from './routing/inhibition.ts'
import { type Destination, type GroupName, groupOf, isMuted, type Router } from './routing/tree.ts'

export interface Receiver {
  name: string
  minSeverity: Severity
  /** How often an open incident must be told again, whatever the route says: alerts/notify/channel.ts. */
  repeatUs?: number | undefined
  /** It must be told of an end by itself. */
  holdsOpen?: boolean | undefined
}

/** What one receiver might be told of an incident. */
interface Change extends Decision {
  record: IncidentRecord
  labels: Labels
  receiver: Receiver
  /** Absent where no route leads to this receiver any more: it is told of the end of what it was told. */
  destination: Destination | undefined
  told: Told | undefined
}

export interface StageContext {
  queue: Queue
  router: Router
  inhibition: Inhibition
  receivers: ReadonlyMap<string, Receiver>
  /** Epoch microseconds by the outgoing side's clock. */
  now: number
  /** Of what opened before, only what is critical is told. Epoch microseconds. */
  shadowUntil: number
  /** True while a message of the group is being sent. */
  isInFlight(groupKey: string): boolean
  /** Told of what is held back, to look at it again. */
  hold(id: string): void
}

type Stage = (changes: readonly Change[], context: StageContext) => readonly Change[]

const STAGES: readonly Stage[] = [severeEnough, outOfShadow, worthTelling, notHeld]

/** Puts into the queue what is to be told of the incident; nothing, where all of it was. */
export function consider(record: IncidentRecord, labels: Labels, context: StageContext): void {
  let changes = possible(record, labels, context)
  for (const stage of STAGES) changes = stage(changes, context)
  for (const change of changes) enqueue(change, context)
  context.queue.forgetIfOver(record.id)
}

/** Every receiver that a route leads to, and every one that was told of it before. */
function possible(
  record: IncidentRecord,
  labels: Labels,
  { queue, router, receivers }: StageContext,
): readonly Change[] {
  const told = queue.told(record.id)
  const routed = new Map(router.destinations(labels).map((destination) => [destination.receiver, destination]))
  return [...new Set([...routed.keys(), ...told.keys()])].flatMap((name) => {
    const receiver = receivers.get(name)
    if (receiver === undefined) return []
    const destination = routed.get(name)
    const nothing = { reason: 'none', patient: true } as const
    return [{ record, labels, receiver, destination, told: told.get(name), ...nothing }]
  })
}

function severeEnough(changes: readonly Change[]): readonly Change[] {
  return changes.filter(
    ({ record, receiver, told }) =>
      told !== undefined || severityRank(record.severity) >= severityRank(receiver.minSeverity),
  )
}

function outOfShadow(changes: readonly Change[], { shadowUntil }: StageContext): readonly Change[] {
  return changes.filter(
    ({ record, told }) => told !== undefined || record.openedAt >= shadowUntil || record.severity === 'critical',
  )
}

function worthTelling(changes: readonly Change[], { now }: StageContext): readonly Change[] {
  return changes
    .map((change) => {
      const { told, record, receiver } = change
      const decision = decide(told, record)
      const isDue = told?.status === 'open' && told.repeatAt > 0 && told.repeatAt <= now && record.status === 'open'
      // Whoever has it need not be reminded, unless the receiver forgets by itself.
      const repeats =
        decision.reason === 'none' && isDue && (record.acknowledgedAt === 0 || receiver.repeatUs !== undefined)
      // To remind people can wait for what else there is to tell; a program that forgets cannot.
      const patient = receiver.repeatUs === undefined
      return repeats ? { ...change, reason: 'repeat' as const, patient } : { ...change, ...decision }
    })
    .filter(({ reason, destination }) => reason !== 'none' && (destination !== undefined || reason === 'resolved'))
}

/** Silenced, explained by another incident, or out of hours. That something is over, or in hand, is told all the same. */
function notHeld(changes: readonly Change[], { inhibition, now, hold }: StageContext): readonly Change[] {
  return changes.filter(({ record, labels, destination, reason }) => {
    if (reason === 'resolved' || reason === 'acknowledged') return true
    // The end of a silence changes the incident; the end of the others does not.
    if (record.silencedBy !== '') return false
    const held =
      inhibition.holds(record.id, labels) !== undefined ||
      (destination !== undefined && isMuted(destination.options, now))
    if (held) hold(record.id)
    return !held
  })
}

function enqueue(change: Change, { queue, now, isInFlight }: StageContext): void {
  const { record, labels, receiver, destination, reason, patient } = change
  if (reason === 'none') return
  const name = nameOf(change, queue, labels)
  const { waitUs, intervalUs, repeatUs } = destination?.options ?? { waitUs: 0, intervalUs: 0, repeatUs: 0 }
  const again = receiver.repeatUs ?? repeatUs
  const repeatAt = record.status === 'open' && again > 0 ? now + again : 0
  queue.setTold(receiver.name, record.id, tell(record, name.key, repeatAt))
  const group = queue.group(receiver.name, name.key) ?? { receiver: receiver.name, ...name, lastAt: 0 }
  const earliest = group.lastAt === 0 ? now + waitUs : Math.max(now, group.lastAt + intervalUs)
  const due = patient ? earliest : now
  // What was not told yet stays the first that is heard of the incident, whatever has become of it while it is open.
  const waiting = group.pending?.news.find(({ id }) => id === record.id)?.reason
  const isNew = waiting === 'first' && reason !== 'resolved' && !isInFlight(groupKey(receiver.name, name.key))
  const news: PendingNews = { id: record.id, version: record.version, reason: isNew ? 'first' : reason, due }
  // What failed keeps its pause before the next attempt.
  const pending = group.pending ?? { attempt: 0, notBefore: 0, news: [], others: 0 }
  queue.setGroup({ ...group, pending: withNews({ ...pending, since: now }, news) })
}

/** An incident stays in the group that it was first told in. Where no route leads to the receiver any more it was told, and the group is known. */
function nameOf({ destination, told, receiver }: Change, queue: Queue, labels: Labels): GroupName {
  const known = told === undefined ? undefined : queue.group(receiver.name, told.group)
  return known === undefined ? groupOf(destination!, labels) : { key: known.key, labels: known.labels }
}
