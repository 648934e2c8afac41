/**
 * The state of the partitions that this process owns, on its own disk: what Kafka's state topics say up to an offset, so that an owner
 * that comes back reads only what came since. It may be lost at any time; Kafka has it all.
 *
 *   heads  partition | owner       -> how far the copy is, and the group's offsets there
 *   state  partition | owner | key -> value
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { messageOf, PipelineError } from '../../errors.ts'
import { makeFolder } from '../../lifecycle/make-folder.ts'
import type { StateWrite } from '../bus.ts'
import { damageOf } from '../lmdb/data-file.ts'
import { roomIn } from '../lmdb/disk-room.ts'
import { decodeStates, encodeState, entriesIn } from '../lmdb/state-entry.ts'
import type { Offsets } from './state-record.ts'

/** Address space, not memory or disk. */
const MAP_BYTES = 2 ** 35
/** Entries that one transaction of a clearing deletes. */
const CLEARED_AT_ONCE = 1000
/** A state topic forgets deletions after two days (topics.ts): an older copy could hold what was deleted. */
const KEPT_MS = 24 * 3_600_000

type Bytes = Database<Buffer, Buffer>

interface Head {
  /** Offset in the state topic of the first record that the copy has not. */
  at: number
  /** Epoch milliseconds. */
  written: number
  offsets: Offsets | undefined
}

/** What a state topic said, in order. */
export interface Change {
  writes: readonly StateWrite[]
  /** undefined where they stay. */
  offsets: Offsets | undefined
  at: number
}

export class StateCopies {
  readonly #folder: string
  readonly #env: RootDatabase
  readonly #heads: Database<Head, Buffer>
  readonly #state: Bytes
  readonly #given = new Map<string, StateCopy>()

  /** A copy that is damaged is begun anew. Throws `folder_unusable`. */
  constructor(folder: string) {
    this.#folder = folder
    try {
      makeFolder(folder, 0o700)
      const file = join(folder, 'data.mdb')
      if (damageOf(file) !== undefined) rmSync(file)
      this.#env = open({ path: folder, noSubdir: false, maxDbs: 4, mapSize: MAP_BYTES, overlappingSync: false })
      this.#heads = this.#env.openDB('heads', { encoding: 'json', keyEncoding: 'binary', cache: false })
      this.#state = this.#env.openDB('state', { encoding: 'binary', keyEncoding: 'binary', cache: false })
    } catch (cause) {
      throw new PipelineError(
        'folder_unusable',
        `the copy of states in ${folder} cannot be used: ${messageOf(cause)}`,
        {
          cause,
        },
      )
    }
  }

  /** `owner` names the state topic and the cluster that it is in. What was given for it before takes no change from now on. */
  of(owner: string, partition: number): StateCopy {
    const name = Buffer.from(owner)
    const prefix = Buffer.alloc(4)
    prefix.writeUInt16BE(partition, 0)
    prefix.writeUInt16BE(name.length, 2)
    const key = `${partition}/${owner}`
    this.#given.get(key)?.retire()
    const copy = new StateCopy(this.#folder, this.#env, this.#heads, this.#state, Buffer.concat([prefix, name]))
    this.#given.set(key, copy)
    return copy
  }

  close(): Promise<void> {
    // Of an owner that was given up, which may still come to its end.
    for (const copy of this.#given.values()) copy.retire()
    return this.#env.close()
  }
}

export class StateCopy {
  readonly #folder: string
  readonly #env: RootDatabase
  readonly #heads: Database<Head, Buffer>
  readonly #state: Bytes
  readonly #prefix: Buffer
  /** A change was not written: later ones must not be either, until all of it was read again. */
  #broken = false
  #retired = false

  constructor(folder: string, env: RootDatabase, heads: Database<Head, Buffer>, state: Bytes, prefix: Buffer) {
    this.#folder = folder
    this.#env = env
    this.#heads = heads
    this.#state = state
    this.#prefix = prefix
  }

  /** Offset in the state topic from which on it has to be read. */
  get at(): number {
    return this.#head?.at ?? 0
  }

  /** undefined where the group has committed nothing yet. */
  get offsets(): Offsets | undefined {
    return this.#head?.offsets
  }

  get #head(): Head | undefined {
    return this.#heads.get(this.#prefix)
  }

  /** To be called before the topic is read from `at` on. Empties the copy where it may not be built upon: too old, or past the topic's end. */
  async requireFresh(end: number): Promise<void> {
    this.#broken = false
    const head = this.#head
    const age = head === undefined ? KEPT_MS : Date.now() - head.written
    if (head !== undefined && age >= 0 && age < KEPT_MS && head.at <= end) return
    await this.clear()
  }

  /** An owner that has lost its partition may still be busy with its last change when the next one here begins. */
  retire(): void {
    this.#retired = true
  }

  async clear(): Promise<void> {
    // The head goes first: what a crash leaves of the state is under none, and is cleared at the next start.
    await this.#heads.remove(this.#prefix)
    for (;;) {
      const keys = [...this.#state.getKeys({ start: this.#prefix, limit: CLEARED_AT_ONCE })].filter((key) =>
        key.subarray(0, this.#prefix.length).equals(this.#prefix),
      )
      if (keys.length === 0) return
      await this.#env.batch(() => {
        for (const key of keys) this.#state.remove(key)
      })
    }
  }

  /**
   * Resolves when it is on the disk, all or nothing. Rejects with `folder_unusable` (retriable) where it cannot be written; from then on
   * nothing is taken, and the copy stays as it was.
   */
  async write(change: Change): Promise<void> {
    if (this.#broken || this.#retired) return
    try {
      await this.#write(change)
    } catch (cause) {
      this.#broken = true
      const message = `the copy of states in ${this.#folder} cannot be written: ${messageOf(cause)}`
      throw new PipelineError('folder_unusable', message, { retriable: true, cause })
    }
  }

  async #write({ writes, offsets = this.offsets, at }: Change): Promise<void> {
    const bytes = writes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
    if (roomIn(this.#folder) < bytes) throw new Error('its disk is full')
    await this.#env.batch(() => {
      for (const write of writes) {
        const { key, value } = encodeState(this.#prefix, write)
        if (value === null) this.#state.remove(key)
        else this.#state.put(key, value as Buffer)
      }
      this.#heads.put(this.#prefix, { at, written: Date.now(), offsets })
    })
  }

  /** Ordered by key. */
  state(): Iterable<readonly [key: string, value: Uint8Array]> {
    return decodeStates(this.#prefix, entriesIn(this.#state, this.#prefix))
  }
}
