/**
 * The bus on LMDB: one environment in one folder, one process. Transactions are short and run on the event loop; readers wake
 * on append. What is kept where: store.ts.
 */
import { PipelineError } from '../../errors.ts'
import { lockFolder } from '../../lifecycle/folder-lock.ts'
import type { Logger } from '../../logger.ts'
import {
  type Bus,
  type GroupLag,
  MAX_RECORD_BYTES,
  type ProcessOptions,
  type Publication,
  type RequiredGroup,
  type TopicSpec,
} from '../bus.ts'
import { type Append, bytesOf, Committer } from './committer.ts'
import type { LocalBusConfig } from './config.ts'
import { consume } from './consumer.ts'
import { PartitionLog } from './partition-log.ts'
import { Space } from './space.ts'
import { Store } from './store.ts'
import { Trimmer } from './trimmer.ts'

export interface LocalBusOptions {
  /** The log's own folder; made where it is missing. */
  folder: string
  topics: readonly TopicSpec[]
  config: Pick<LocalBusConfig, 'maxBytes' | 'durability'>
  /** Groups that the log keeps records for from the first one on, and that must keep up or senders wait. */
  requiredGroups?: readonly RequiredGroup[]
  logger?: Logger
}

/** Opens the log or throws: `folder_unusable` (unwritable, in use), `config` (another number of partitions). */
export async function openLocalBus(options: LocalBusOptions): Promise<LocalBus> {
  const unlock = lockFolder(options.folder, 'the log')
  let store: Store | undefined
  try {
    const { durability, maxBytes } = options.config
    store = new Store(options.folder, { sync: durability === 'power', mapBytes: 2 * maxBytes + 2 ** 30 })
    return new LocalBus(options, store, unlock)
  } catch (error) {
    await store?.close()
    unlock()
    throw error
  }
}

export class LocalBus implements Bus {
  readonly #store: Store
  readonly #unlock: () => void
  readonly #logger: Logger | undefined
  readonly #topics: Map<string, PartitionLog[]>
  readonly #committer: Committer
  readonly #space: Space
  readonly #trimmer: Trimmer
  readonly #claimed = new Set<string>()
  readonly #closing = new AbortController()
  readonly #processes = new Set<Promise<void>>()

  constructor(options: LocalBusOptions, store: Store, unlock: () => void) {
    const { topics, config, requiredGroups = [], logger } = options
    this.#store = store
    this.#unlock = unlock
    this.#logger = logger
    this.#topics = new Map(topics.map((spec) => [spec.name, openTopic(store, spec)]))
    const logs = [...this.#topics.values()].flat()
    this.#trimmer = new Trimmer(store, logs, logger)
    this.#committer = new Committer(store, () => this.#trimmer.schedule())
    this.#space = new Space(logs, requiredGroups, config.maxBytes)
    for (const log of logs) {
      for (const [group, offsets] of [...store.groups(log.topicId, log.partition)]) {
        this.#committer.remember({ log, group, ...offsets })
      }
    }
    store.transaction(() => {
      for (const { topic, group } of requiredGroups) for (const log of this.#logs(topic)) this.#register(log, group)
    })
  }

  partitions(topic: string): number {
    return this.#logs(topic).length
  }

  async publish(records: readonly Publication[]): Promise<void> {
    if (this.#closing.signal.aborted)
      throw new PipelineError('bus_unavailable', 'the log is closed', { retriable: true })
    const appends = this.#appends(records)
    this.#space.require(this.#committer.queuedBytes + bytesOf(appends))
    await this.#committer.submit(appends)
  }

  process(options: ProcessOptions): Promise<void> {
    const running = this.#process(options)
    this.#processes.add(running)
    const forget = () => this.#processes.delete(running)
    running.then(forget, forget)
    return running
  }

  async #process(options: ProcessOptions): Promise<void> {
    const { topic, group } = options
    const failed = new AbortController()
    options.onAssigned?.(this.#logs(topic).map(({ partition }) => partition))
    const running = this.#logs(topic).map(async (log) => {
      const release = this.#claim(log, group)
      // One of its own for each partition: Node warns of eleven listeners on one signal.
      const signal = AbortSignal.any([options.signal, failed.signal, this.#closing.signal])
      try {
        if (!log.groups.has(group)) this.#store.transaction(() => this.#register(log, group))
        await consume(options, signal, {
          store: this.#store,
          committer: this.#committer,
          log,
          appends: ({ publish = [] }) => this.#appends(publish),
          logger: this.#logger,
        })
      } catch (error) {
        failed.abort(error)
        throw error
      } finally {
        release()
      }
    })
    await Promise.allSettled(running)
    await Promise.all(running)
  }

  async lag(): Promise<GroupLag[]> {
    return [...this.#topics].flatMap(([topic, logs]) =>
      logs.flatMap(({ partition, bounds, groups }) =>
        [...groups].map(([group, { next }]) => ({ topic, partition, group, committed: next, end: bounds.end })),
      ),
    )
  }

  /** Bytes each topic takes on disk, about. */
  bytesUsed(): Map<string, number> {
    return new Map([...this.#topics].map(([topic, logs]) => [topic, logs.reduce((sum, log) => sum + log.bytes, 0)]))
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await Promise.allSettled(this.#processes)
    await this.#committer.idle()
    this.#trimmer.stop()
    await this.#store.close()
    this.#unlock()
  }

  #logs(topic: string): PartitionLog[] {
    const logs = this.#topics.get(topic)
    if (logs === undefined) throw new Error(`there is no topic ${topic}`)
    return logs
  }

  #appends(records: readonly Publication[]): Append[] {
    return records.map(({ topic, partition, value }) => {
      const log = this.#logs(topic)[partition]
      if (log === undefined) throw new Error(`topic ${topic} has no partition ${partition}`)
      if (value.length <= MAX_RECORD_BYTES) return { log, value }
      throw new PipelineError('too_large', `record of ${value.length} bytes for ${topic} exceeds ${MAX_RECORD_BYTES}`)
    })
  }

  /** From here on the log keeps for the group what it has not read. Inside a transaction. */
  #register(log: PartitionLog, group: string): void {
    if (log.groups.has(group)) return
    const { start } = log.bounds
    this.#store.putGroup(log.topicId, log.partition, group, { next: start, keep: start })
    this.#committer.remember({ log, group, next: start, keep: start })
  }

  /** Two loops of one group would commit over each other. */
  #claim(log: PartitionLog, group: string): () => void {
    const name = JSON.stringify([log.topic, log.partition, group])
    if (this.#claimed.has(name)) throw new Error(`group ${group} already processes ${log.topic}/${log.partition}`)
    this.#claimed.add(name)
    return () => this.#claimed.delete(name)
  }
}

function openTopic(store: Store, spec: TopicSpec): PartitionLog[] {
  const { id } = store.topic(spec)
  return Array.from(
    { length: spec.partitions },
    (_, partition) => new PartitionLog(spec.name, id, partition, store.bounds(id, partition)),
  )
}
