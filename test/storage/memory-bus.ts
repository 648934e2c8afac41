/** A bus in memory for one topic, with the contract's atomic steps, batches of any size, and crashes: `process` again starts over. */
import type { Batch, BusRecord, PartitionProcessor, StepResult } from '../../core/bus/bus.ts'
import { isRetriable } from '../../core/errors.ts'

export class MemoryTopic {
  readonly topic: string
  readonly log: BusRecord[] = []
  readonly logId: string
  committed = 0
  keep = 0
  readonly #state = new Map<string, Uint8Array>()

  constructor(topic: string, logId = 'log') {
    this.topic = topic
    this.logId = logId
  }

  append(...values: Uint8Array[]): void {
    for (const value of values) this.log.push({ offset: this.log.length, value })
  }

  assignment() {
    return {
      topic: this.topic,
      partition: 3,
      logId: this.logId,
      committed: this.committed,
      state: [...this.#state].sort(([a], [b]) => (a < b ? -1 : 1)),
    }
  }

  /**
   * Runs a processor over the log in batches of `size()` records. A retriable error repeats the batch. `before(next)` may throw to
   * crash between a step and its commit.
   */
  async run(
    start: (assignment: ReturnType<MemoryTopic['assignment']>) => Promise<PartitionProcessor>,
    size: () => number,
    before: (next: number) => void = () => {},
  ): Promise<void> {
    const processor = await start(this.assignment())
    if (processor.from < this.keep) throw new Error(`reads from ${processor.from}, kept is ${this.keep}`)
    const signal = new AbortController().signal
    for (let at = processor.from; at < this.log.length; ) {
      const records = this.log.slice(at, at + size())
      // The contract: bytes are valid only until the step resolves.
      const copies = records.map(({ offset, value }) => ({ offset, value: Buffer.from(value) }))
      const result = await untilDone(() => processor.step({ topic: this.topic, partition: 3, records: copies }, signal))
      for (const { value } of copies) value.fill(0xee)
      at += records.length
      if (result === undefined) continue
      if (result.next <= this.committed) throw new Error('a result for records before committed')
      before(result.next)
      this.committed = result.next
      this.keep = result.keep ?? result.next
      for (const { key, value } of result.state ?? []) {
        if (value === null) this.#state.delete(key)
        else this.#state.set(key, Buffer.from(value))
      }
    }
  }
}

async function untilDone(step: () => ReturnType<PartitionProcessor['step']>): Promise<StepResult | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step()
    } catch (error) {
      if (!isRetriable(error) || attempt > 200) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

export type { Batch }
