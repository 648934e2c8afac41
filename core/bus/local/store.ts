/**
 * The LMDB environment under the embedded log: where things are kept, and what its errors mean. Knows no waiting, no groups'
 * logic and no limits.
 *
 *   topics      name                         -> {id, partitions}
 *   partitions  topic | partition            -> bounds of the log
 *   records     topic | partition | offset | position -> value
 *   groups      topic | partition | group    -> next, keep
 *   state       topic | partition | group | key -> value
 *   log         'id'                         -> which log this is
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { messageOf, PipelineError } from '../../errors.ts'
import type { BusRecord, TopicSpec } from '../bus.ts'
import { damageOf } from '../lmdb/data-file.ts'
import { roomIn } from '../lmdb/disk-room.ts'
import { decodeStates, entriesIn } from '../lmdb/state-entry.ts'
import { groupKey, offsetOf, partitionKey, positionOf, recordKey, statePrefix } from './keys.ts'

/** Bounds of one partition: offsets, and positions in bytes. Records with an offset below `start` may be gone. */
export interface Bounds {
  start: number
  end: number
  startPosition: number
  endPosition: number
}

/** What a group has committed in a partition. */
export interface GroupOffsets {
  next: number
  keep: number
}

export interface StoredTopic {
  id: number
  partitions: number
}

type Bytes = Database<Buffer, Buffer>
const BYTES = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const

export class Store {
  readonly folder: string
  readonly #env: RootDatabase
  readonly #topics: Database<StoredTopic, string>
  readonly #partitions: Bytes
  readonly #records: Bytes
  readonly #groups: Bytes
  readonly #state: Bytes
  /** Drawn when the log was made. */
  readonly logId: string

  /** `mapBytes` is address space, not memory: it only has to exceed the file. */
  constructor(folder: string, options: { sync: boolean; mapBytes: number }) {
    this.folder = folder
    try {
      const damage = damageOf(join(folder, 'data.mdb'))
      if (damage !== undefined) throw new Error(damage)
      this.#env = open({
        path: folder,
        noSubdir: false,
        maxDbs: 8,
        mapSize: options.mapBytes,
        noSync: !options.sync,
        overlappingSync: false,
      })
      this.#topics = this.#env.openDB('topics', { encoding: 'json', cache: false })
      this.#partitions = this.#env.openDB('partitions', BYTES)
      this.#records = this.#env.openDB('records', BYTES)
      this.#groups = this.#env.openDB('groups', BYTES)
      this.#state = this.#env.openDB('state', BYTES)
      this.logId = this.#idOfLog()
    } catch (cause) {
      throw new PipelineError('folder_unusable', `the log's folder ${folder} cannot be used: ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  #idOfLog(): string {
    const log = this.#env.openDB<string, string>('log', { encoding: 'json', cache: false })
    const known = log.get('id')
    if (known !== undefined) return known
    const made = randomUUID().replaceAll('-', '')
    this.transaction(() => log.put('id', made))
    return made
  }

  /** Runs `write`, of about so many bytes, as one transaction: all or nothing, visible and durable on return. */
  transaction(write: () => void, bytes = 0): void {
    this.#requireRoom(bytes)
    try {
      this.#env.transactionSync(write)
    } catch (cause) {
      throw isLmdbError(cause) ? this.#unavailable(cause) : cause
    }
  }

  #requireRoom(bytes: number): void {
    const room = roomIn(this.folder)
    if (room < bytes) throw this.#unavailable(new Error(`its disk has room for ${Math.max(0, room)} bytes`))
  }

  #unavailable(cause: Error): PipelineError {
    const message = `the log in ${this.folder} cannot be written: ${messageOf(cause)}; is the disk full?`
    return new PipelineError('bus_unavailable', message, { retriable: true, cause })
  }

  /** The topic as it was made, or made now. A different number of partitions is an error. */
  topic({ name, partitions }: TopicSpec): StoredTopic {
    const stored = this.#topics.get(name)
    if (stored === undefined) {
      const made = { id: this.#topics.getCount(), partitions }
      this.transaction(() => this.#topics.put(name, made))
      return made
    }
    if (stored.partitions !== partitions) {
      throw new PipelineError(
        'config',
        `topic ${name} in ${this.folder} was made with ${stored.partitions} partitions, not ${partitions}: set bus.partitions back, or use another dataFolder`,
      )
    }
    return stored
  }

  bounds(topic: number, partition: number): Bounds {
    const value = this.#partitions.get(partitionKey(topic, partition))
    if (value === undefined) return { start: 0, end: 0, startPosition: 0, endPosition: 0 }
    const [start, end, startPosition, endPosition] = [0, 8, 16, 24].map((at) => value.readDoubleLE(at))
    return { start: start!, end: end!, startPosition: startPosition!, endPosition: endPosition! }
  }

  putBounds(topic: number, partition: number, { start, end, startPosition, endPosition }: Bounds): void {
    this.#partitions.put(partitionKey(topic, partition), doubles(start, end, startPosition, endPosition))
  }

  append(topic: number, partition: number, offset: number, position: number, value: Uint8Array): void {
    this.#records.put(recordKey(topic, partition, offset, position), value as Buffer)
  }

  /** Records from `offset` on, in order; values are copies. Take what is needed at once: nothing may be written meanwhile. */
  *read(topic: number, partition: number, offset: number, end: number): Generator<BusRecord> {
    const range = { start: recordKey(topic, partition, offset, 0), end: recordKey(topic, partition, end, 0) }
    for (const { key, value } of this.#records.getRange(range)) yield { offset: offsetOf(key), value }
  }

  /** Position of the first record at or after `offset`, or undefined where there is none. */
  position(topic: number, partition: number, offset: number, end: number): number | undefined {
    const range = { start: recordKey(topic, partition, offset, 0), end: recordKey(topic, partition, end, 0), limit: 1 }
    for (const key of this.#records.getKeys(range)) return positionOf(key)
    return undefined
  }

  /** Deletes records in front of `offset`, at most `limit`. Gives back the offset up to which all are gone. */
  trim(topic: number, partition: number, offset: number, limit: number): number {
    const range = { start: recordKey(topic, partition, 0, 0), end: recordKey(topic, partition, offset, 0), limit }
    const keys = [...this.#records.getKeys(range)]
    for (const key of keys) this.#records.remove(key)
    return keys.length < limit ? offset : offsetOf(keys.at(-1)!) + 1
  }

  *groups(topic: number, partition: number): Generator<readonly [string, GroupOffsets]> {
    const prefix = partitionKey(topic, partition)
    for (const { key, value } of this.#groups.getRange({ start: prefix })) {
      if (key.compare(prefix, 0, 4, 0, 4) !== 0) return
      yield [key.toString('utf8', 4), { next: value.readDoubleLE(0), keep: value.readDoubleLE(8) }]
    }
  }

  putGroup(topic: number, partition: number, group: string, { next, keep }: GroupOffsets): void {
    this.#groups.put(groupKey(topic, partition, group), doubles(next, keep))
  }

  putState(key: Buffer, value: Uint8Array | null): void {
    if (value === null) this.#state.remove(key)
    else this.#state.put(key, value as Buffer)
  }

  /** Committed state in the order of keys. */
  state(topic: number, partition: number, group: string): Iterable<readonly [string, Uint8Array]> {
    const prefix = statePrefix(topic, partition, group)
    return decodeStates(prefix, entriesIn(this.#state, prefix))
  }

  close(): Promise<void> {
    return this.#env.close()
  }
}

function doubles(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 8)
  values.forEach((value, i) => {
    bytes.writeDoubleLE(value, i * 8)
  })
  return bytes
}

/** Errors of LMDB and of the system calls under it carry a number as code. */
function isLmdbError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'number'
}
