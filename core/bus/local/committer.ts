/**
 * Group commit: what was asked for in one turn of the event loop shares one transaction. Offsets are given here, and memory
 * follows only after the transaction is through; a failed one leaves no trace.
 */
import type { StateWrite } from '../bus.ts'
import { encodeState } from '../lmdb/state-entry.ts'
import { statePrefix } from './keys.ts'
import { diskBytes, type PartitionLog } from './partition-log.ts'
import type { Bounds, GroupOffsets, Store } from './store.ts'

/** What a group commits in a partition. */
export interface GroupCommit extends GroupOffsets {
  log: PartitionLog
  group: string
  state: readonly StateWrite[]
}

export interface Append {
  log: PartitionLog
  value: Uint8Array
}

interface Unit {
  appends: readonly Append[]
  commit: GroupCommit | undefined
  bytes: number
  resolve: () => void
  reject: (error: unknown) => void
}

/** Most bytes in one transaction, one unit aside: it runs on the event loop. */
const MAX_TRANSACTION_BYTES = 8 * 1024 * 1024
/** Pause after a transaction that took long, as a multiple of its time: a slow disk may not take the whole event loop. */
const REST = 2
const REST_FROM_MS = 1

export class Committer {
  /** Bytes that wait for their transaction. */
  queuedBytes = 0
  readonly #store: Store
  readonly #onMoved: () => void
  #queue: Unit[] = []
  #scheduled = false

  /** `onMoved` is told when a group has moved on. */
  constructor(store: Store, onMoved: () => void) {
    this.#store = store
    this.#onMoved = onMoved
  }

  /** Resolves when all of it is durable; rejects when none of it is. */
  submit(appends: readonly Append[], commit?: GroupCommit): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = bytesOf(appends)
      this.#queue.push({ appends, commit, bytes, resolve, reject })
      this.queuedBytes += bytes
      this.#schedule(0)
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#queue.length > 0) await this.submit([])
  }

  #schedule(pauseMs: number): void {
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    const run = () => {
      this.#scheduled = false
      const startedAt = performance.now()
      this.#run()
      const tookMs = performance.now() - startedAt
      this.#schedule(tookMs < REST_FROM_MS ? 0 : tookMs * REST)
    }
    if (pauseMs === 0) setImmediate(run)
    else setTimeout(run, pauseMs)
  }

  #run(): void {
    const units = this.#take()
    const bounds = new Map<PartitionLog, Bounds>()
    try {
      this.#store.transaction(() => {
        for (const unit of units) this.#write(unit, bounds)
        for (const [log, after] of bounds) this.#store.putBounds(log.topicId, log.partition, after)
      }, writtenBytes(units))
    } catch (error) {
      for (const { reject } of units) reject(error)
      return
    }
    for (const [log, after] of bounds) log.bounds = after
    for (const { commit } of units) if (commit !== undefined) this.remember(commit)
    for (const log of bounds.keys()) log.wake()
    for (const { resolve } of units) resolve()
  }

  /** Memory follows a group's committed offsets. */
  remember({ log, group, next, keep }: Omit<GroupCommit, 'state'>): void {
    const { endPosition, end } = log.bounds
    const nextPosition = this.#store.position(log.topicId, log.partition, next, end) ?? endPosition
    log.groups.set(group, { next, keep, nextPosition })
    this.#onMoved()
  }

  #take(): Unit[] {
    let count = 0
    for (let bytes = 0; count < this.#queue.length && bytes < MAX_TRANSACTION_BYTES; count += 1) {
      bytes += this.#queue[count]!.bytes
      this.queuedBytes -= this.#queue[count]!.bytes
    }
    return this.#queue.splice(0, count)
  }

  #write({ appends, commit }: Unit, bounds: Map<PartitionLog, Bounds>): void {
    for (const { log, value } of appends) {
      let after = bounds.get(log)
      if (after === undefined) {
        after = { ...log.bounds }
        bounds.set(log, after)
      }
      this.#store.append(log.topicId, log.partition, after.end, after.endPosition, value)
      after.end += 1
      after.endPosition += diskBytes(value.length)
    }
    if (commit === undefined) return
    const { log, group, state } = commit
    this.#store.putGroup(log.topicId, log.partition, group, commit)
    const prefix = statePrefix(log.topicId, log.partition, group)
    for (const write of state) {
      const { key, value } = encodeState(prefix, write)
      this.#store.putState(key, value)
    }
  }
}

function writtenBytes(units: readonly Unit[]): number {
  let total = 0
  for (const { bytes, commit } of units) {
    total += bytes
    for (const { value } of commit?.state ?? []) total += diskBytes(value?.length ?? 0)
  }
  return total
}

export function bytesOf(appends: readonly Append[]): number {
  let bytes = 0
  for (const { value } of appends) bytes += diskBytes(value.length)
  return bytes
}
