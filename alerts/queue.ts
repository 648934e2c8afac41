/**
 * What the outbox holds: the incidents that are open or still to be told, what each receiver was told of them, and per receiver and group
 * the message still to be sent. Every change marks its key, so that the next step commits it.
 *
 * Memory: at most the open incidents (bounded by incidents.ts), `told` of them times receivers, MAX_PENDING_NEWS short references a group,
 * and two summaries a receiver.
 */
import type { Assignment, StateWrite } from '../core/bus/bus.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import type { Reason, Told } from './decide.ts'
import type { GroupName } from './routing/tree.ts'
import type { StormSummary } from './storm.ts'

/** News of a group that wait to be told; of further incidents only the number is. */
const MAX_PENDING_NEWS = 1_000

/** Times are epoch microseconds by the outgoing side's clock. */
interface Attempted {
  /** Attempts made. */
  attempt: number
  /** When the newest of it was queued. */
  since: number
  /** No attempt before. */
  notBefore: number
}

export interface PendingNews {
  id: string
  version: number
  reason: Exclude<Reason, 'none'>
  /** When it is to be told; what else waits goes with it. */
  due: number
}

export interface Pending extends Attempted {
  news: readonly PendingNews[]
  others: number
}

export interface Group extends GroupName {
  receiver: string
  /** When a message of it was last begun; 0: never. */
  lastAt: number
  pending?: Pending
}

export type WaitingGroup = Group & { pending: Pending }

export interface PendingSummary extends Attempted {
  receiver: string
  summary: StormSummary
}

export class Queue {
  readonly #incidents = new Map<string, IncidentRecord>()
  /** By incident and receiver. */
  readonly #told = new Map<string, Map<string, Told>>()
  readonly #groups = new Map<string, Group>()
  readonly #summaries = new Map<string, PendingSummary>()
  /** Of them those with something that waits, by receiver and key. */
  readonly #waiting = new Map<string, Map<string, WaitingGroup>>()
  /** Follow from these: open incidents told of, by group; messages that wait to tell of an incident, by its id. */
  readonly #open = new Map<string, number>()
  readonly #wanted = new Map<string, number>()
  readonly #dirty = new Set<string>()

  static async restore(state: Assignment['state']): Promise<Queue> {
    const queue = new Queue()
    for await (const [key, value] of state) {
      const [kind, first = '', second = ''] = key.split('/')
      const parsed = JSON.parse(Buffer.from(value).toString())
      if (kind === 'incident') queue.#incidents.set(first, parsed)
      else if (kind === 'told') queue.#putTold(first, second, parsed)
      else if (kind === 'group') queue.#putGroup(parsed)
      else if (kind === 'summary') queue.#summaries.set(key, parsed)
    }
    return queue
  }

  incident(id: string): IncidentRecord | undefined {
    return this.#incidents.get(id)
  }

  incidents(): Iterable<IncidentRecord> {
    return this.#incidents.values()
  }

  keep(record: IncidentRecord): void {
    this.#incidents.set(record.id, record)
    this.#dirty.add(`incident/${record.id}`)
  }

  /** What each receiver was told of the incident. */
  told(id: string): ReadonlyMap<string, Told> {
    return this.#told.get(id) ?? NOBODY
  }

  /** Every incident that somebody was told of. */
  allTold(): Iterable<[id: string, told: ReadonlyMap<string, Told>]> {
    return this.#told
  }

  setTold(receiver: string, id: string, told: Told): void {
    this.#putTold(id, receiver, told)
    this.#dirty.add(`told/${id}/${receiver}`)
  }

  /** Groups of which something waits to be told, oldest first. */
  waiting(receiver: string): ReadonlyMap<string, WaitingGroup> {
    return this.#waiting.get(receiver) ?? NOTHING
  }

  group(receiver: string, key: string): Group | undefined {
    return this.#groups.get(groupKey(receiver, key))
  }

  /** Incidents of the group that the receiver believes open, once it has what waits. */
  openIn(receiver: string, key: string): number {
    return this.#open.get(groupKey(receiver, key)) ?? 0
  }

  /** A group that is over and of which nothing waits is forgotten, as are its incidents that are over everywhere. */
  setGroup(group: Group): void {
    const key = groupKey(group.receiver, group.key)
    const before = this.#groups.get(key)?.pending?.news ?? []
    this.#putGroup(group)
    if (!isWaiting(group) && this.openIn(group.receiver, group.key) === 0) this.#groups.delete(key)
    this.#dirty.add(key)
    for (const { id } of before) this.forgetIfOver(id)
  }

  summaries(): Iterable<[key: string, summary: PendingSummary]> {
    return this.#summaries
  }

  /** `number` rises over the log, so that summaries keep their order over a restart. */
  addSummary(number: number, summary: PendingSummary): void {
    this.setSummary(`summary/${summary.receiver}/${String(number).padStart(16, '0')}`, summary)
  }

  setSummary(key: string, summary: PendingSummary | undefined): void {
    if (summary === undefined) this.#summaries.delete(key)
    else this.#summaries.set(key, summary)
    this.#dirty.add(key)
  }

  /** Receivers that have groups or summaries, configured or not. */
  receivers(): Set<string> {
    return new Set([...this.#groups.values(), ...this.#summaries.values()].map(({ receiver }) => receiver))
  }

  /** Forgets all of a receiver's. */
  removeReceiver(name: string): void {
    for (const [key, { receiver }] of this.#summaries) if (receiver === name) this.setSummary(key, undefined)
    for (const [id, all] of this.#told) {
      const told = all.get(name)
      if (told === undefined) continue
      if (told.status === 'open') this.#count(this.#open, groupKey(name, told.group), -1)
      all.delete(name)
      this.#dirty.add(`told/${id}/${name}`)
    }
    for (const { pending: _, ...group } of [...this.#groups.values()]) if (group.receiver === name) this.setGroup(group)
  }

  forgetIfOver(id: string): void {
    if (this.#incidents.get(id)?.status !== 'resolved' || this.#wanted.has(id)) return
    this.#incidents.delete(id)
    this.#dirty.add(`incident/${id}`)
    for (const [receiver, told] of this.told(id)) {
      this.#count(this.#open, groupKey(receiver, told.group), told.status === 'open' ? -1 : 0)
      this.#dirty.add(`told/${id}/${receiver}`)
    }
    this.#told.delete(id)
  }

  /** Writes for what changed since the last call. */
  takeWrites(): StateWrite[] {
    const writes = [...this.#dirty].map((key) => {
      const value = this.#valueOf(key)
      return { key, value: value === undefined ? null : Buffer.from(JSON.stringify(value)) }
    })
    this.#dirty.clear()
    return writes
  }

  #valueOf(key: string): unknown {
    const [kind, first = '', second = ''] = key.split('/')
    if (kind === 'incident') return this.#incidents.get(first)
    if (kind === 'told') return this.#told.get(first)?.get(second)
    return kind === 'group' ? this.#groups.get(key) : this.#summaries.get(key)
  }

  #putTold(id: string, receiver: string, told: Told): void {
    const all = this.#told.get(id) ?? new Map<string, Told>()
    const before = all.get(receiver)
    if (before?.status === 'open') this.#count(this.#open, groupKey(receiver, before.group), -1)
    if (told.status === 'open') this.#count(this.#open, groupKey(receiver, told.group), 1)
    this.#told.set(id, all.set(receiver, told))
  }

  #putGroup(group: Group): void {
    const key = groupKey(group.receiver, group.key)
    for (const { id } of this.#groups.get(key)?.pending?.news ?? []) this.#count(this.#wanted, id, -1)
    for (const { id } of group.pending?.news ?? []) this.#count(this.#wanted, id, 1)
    this.#groups.set(key, group)
    const waiting = this.#waiting.get(group.receiver) ?? new Map<string, WaitingGroup>()
    if (isWaiting(group)) waiting.set(key, group)
    else waiting.delete(key)
    this.#waiting.set(group.receiver, waiting)
  }

  #count(counts: Map<string, number>, key: string, change: number): void {
    const count = (counts.get(key) ?? 0) + change
    if (count === 0) counts.delete(key)
    else counts.set(key, count)
  }
}

const NOBODY: ReadonlyMap<string, Told> = new Map()
const NOTHING: ReadonlyMap<string, WaitingGroup> = new Map()

function isWaiting(group: Group): group is WaitingGroup {
  return group.pending !== undefined
}

export function groupKey(receiver: string, key: string): string {
  return `group/${receiver}/${key}`
}

/** Adds to what waits, in place of older news of the same incident. */
export function withNews(pending: Pending, news: PendingNews): Pending {
  const rest = pending.news.filter(({ id }) => id !== news.id)
  if (rest.length >= MAX_PENDING_NEWS) return { ...pending, others: pending.others + 1 }
  return { ...pending, news: [...rest, news] }
}
