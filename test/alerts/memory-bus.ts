/** A bus in memory with the contract's atomic steps. A step under way when the signal aborts is not committed. */
import type { Bus, BusRecord, GroupLag, ProcessOptions, Publication } from '../../core/bus/bus.ts'

interface Committed {
  next: number
  state: Map<string, Uint8Array>
}

export class MemoryBus implements Bus {
  readonly logs = new Map<string, BusRecord[]>()
  readonly #partitions: number
  readonly #committed = new Map<string, Committed>()
  readonly #waiting = new Set<() => void>()
  /** Largest number of records in a batch. */
  batchRecords = Number.POSITIVE_INFINITY

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  partitions(): number {
    return this.#partitions
  }

  log(topic: string, partition = 0): BusRecord[] {
    const key = `${topic}/${partition}`
    const log = this.logs.get(key) ?? []
    this.logs.set(key, log)
    return log
  }

  async publish(records: readonly Publication[]): Promise<void> {
    for (const { topic, partition, value } of records) {
      const log = this.log(topic, partition)
      log.push({ offset: log.length, value: Buffer.from(value) })
    }
    for (const wake of [...this.#waiting]) wake()
  }

  async process(options: ProcessOptions): Promise<void> {
    await Promise.all(Array.from({ length: this.#partitions }, (_, partition) => this.#run(options, partition)))
  }

  async #run({ topic, group, start, signal }: ProcessOptions, partition: number): Promise<void> {
    const key = `${group}/${topic}/${partition}`
    const committed = this.#committed.get(key) ?? { next: 0, state: new Map() }
    this.#committed.set(key, committed)
    const state = [...committed.state].sort(([a], [b]) => (a < b ? -1 : 1))
    const processor = await start({ topic, partition, logId: 'log', committed: committed.next, state })
    const log = this.log(topic, partition)
    let at = processor.from
    while (!signal.aborted) {
      const records = log.slice(at, at + this.batchRecords)
      if (records.length === 0) {
        await new Promise<void>((resolve) => {
          const wake = () => {
            this.#waiting.delete(wake)
            signal.removeEventListener('abort', wake)
            resolve()
          }
          this.#waiting.add(wake)
          signal.addEventListener('abort', wake, { once: true })
        })
        continue
      }
      const result = await processor.step({ topic, partition, records }, signal)
      at += records.length
      if (result === undefined || signal.aborted) continue
      committed.next = result.next
      for (const { key, value } of result.state ?? []) {
        if (value === null) committed.state.delete(key)
        else committed.state.set(key, Buffer.from(value))
      }
      await this.publish(result.publish ?? [])
      await new Promise(setImmediate)
    }
    await processor.stop?.()
  }

  async lag(): Promise<GroupLag[]> {
    return [...this.#committed].map(([key, { next }]) => {
      const [group = '', topic = '', partition] = key.split('/')
      return {
        topic,
        partition: Number(partition),
        group,
        committed: next,
        end: this.log(topic, Number(partition)).length,
      }
    })
  }

  async close(): Promise<void> {}
}
