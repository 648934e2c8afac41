/**
 * What one partition's outbox holds: per receiver and incident what was last told and the message still to be sent, and summaries.
 * Every change marks its key, so that the next step commits it.
 *
 * Memory: `told` of at most the open incidents (bounded by incidents.ts) times receivers, and `maxPending` messages and two
 * summaries a receiver.
 */
import type { Assignment, StateWrite } from '../core/bus/bus.ts'
import type { IncidentRecord } from '../storage/incident-records.ts'
import type { Told } from './decide.ts'
import type { Notice } from './notify/channel.ts'

export interface Pending {
  notice: Notice
  /** Attempts made. */
  attempt: number
  /** Epoch microseconds by the outgoing side's clock: when it was queued, and when the next attempt is due. */
  since: number
  due: number
}

export interface Entry {
  receiver: string
  /** Absent in the entry of a summary. */
  told?: Told
  pending?: Pending
}

const SEPARATOR = '/'

export class Queue {
  readonly #entries = new Map<string, Entry>()
  /** Keys with a pending message, by receiver. */
  readonly #waiting = new Map<string, Set<string>>()
  readonly #dirty = new Set<string>()

  static async restore(state: Assignment['state']): Promise<Queue> {
    const queue = new Queue()
    for await (const [key, value] of state) {
      const entry = JSON.parse(Buffer.from(value).toString()) as Entry
      queue.#put(key, entry)
    }
    return queue
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  told(receiver: string, incidentId: string): Told | undefined {
    return this.#entries.get(incidentKey(receiver, incidentId))?.told
  }

  /** Notes what the receiver is told; `pending` takes the place of an older message about the incident. */
  tell(receiver: string, record: IncidentRecord, told: Told, pending: Pending): void {
    this.#set(incidentKey(receiver, record.id), { receiver, told, pending })
  }

  /** Replaces or (undefined) removes the pending message of an entry. What is over and fully told is forgotten. */
  setPending(key: string, pending: Pending | undefined): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    const { pending: _, ...rest } = entry
    if (pending !== undefined) this.#set(key, { ...rest, pending })
    else if (rest.told?.status === 'open') this.#set(key, rest)
    else this.remove(key)
  }

  /** `number` rises over the partition's life, so that summaries keep their order over a restart. */
  addSummary(receiver: string, number: number, pending: Pending): void {
    const key = [receiver, 'summary', String(number).padStart(16, '0')].join(SEPARATOR)
    this.#set(key, { receiver, pending })
  }

  remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#waiting.get(entry.receiver)?.delete(key)
    this.#dirty.add(key)
  }

  /** Receivers that have entries, configured or not. */
  receivers(): Set<string> {
    return new Set([...this.#entries.values()].map(({ receiver }) => receiver))
  }

  keysOf(receiver: string): string[] {
    return [...this.#entries].filter(([, entry]) => entry.receiver === receiver).map(([key]) => key)
  }

  /** Keys with a pending message for the receiver, oldest first. */
  waiting(receiver: string): ReadonlySet<string> {
    return this.#waiting.get(receiver) ?? new Set()
  }

  /** Writes for what changed since the last call. */
  takeWrites(): StateWrite[] {
    const writes = [...this.#dirty].map((key) => {
      const entry = this.#entries.get(key)
      return { key, value: entry === undefined ? null : Buffer.from(JSON.stringify(entry)) }
    })
    this.#dirty.clear()
    return writes
  }

  #set(key: string, entry: Entry): void {
    this.#put(key, entry)
    this.#dirty.add(key)
  }

  #put(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    const waiting = this.#waiting.get(entry.receiver) ?? new Set()
    this.#waiting.set(entry.receiver, waiting)
    if (entry.pending === undefined) waiting.delete(key)
    else waiting.add(key)
  }
}

function incidentKey(receiver: string, incidentId: string): string {
  return [receiver, 'incident', incidentId].join(SEPARATOR)
}
