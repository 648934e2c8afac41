/** Deletes what no known group needs, in short transactions, a moment after a group has moved on. */
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Store } from './store.ts'

const PAUSE_MS = 1000
const RECORDS_PER_TRANSACTION = 256

export class Trimmer {
  readonly #store: Store
  readonly #logs: readonly PartitionLog[]
  readonly #logger: Logger | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(store: Store, logs: readonly PartitionLog[], logger: Logger | undefined) {
    this.#store = store
    this.#logs = logs
    this.#logger = logger
  }

  schedule(): void {
    if (this.#timer !== undefined || this.#stopped) return
    this.#timer = setTimeout(() => this.#run(), PAUSE_MS)
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    try {
      for (const log of this.#logs) {
        while (log.unneeded > log.bounds.start && !this.#stopped) {
          this.#trim(log)
          await new Promise(setImmediate)
        }
      }
      this.#timer = undefined
    } catch (error) {
      this.#logger?.warn({ error: messageOf(error) }, 'the log could not be trimmed; it is tried again')
      this.#timer = undefined
      this.schedule()
    }
  }

  #trim(log: PartitionLog): void {
    const { topicId, partition, unneeded, bounds } = log
    let after = bounds
    this.#store.transaction(() => {
      const start = this.#store.trim(topicId, partition, unneeded, RECORDS_PER_TRANSACTION)
      const startPosition = this.#store.position(topicId, partition, start, bounds.end) ?? bounds.endPosition
      after = { ...bounds, start, startPosition }
      this.#store.putBounds(topicId, partition, after)
    })
    log.bounds = after
  }
}
