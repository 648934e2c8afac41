/** One partition as it stands in memory: bounds, groups, and who waits for a record. Changed only after a commit. */
import { PipelineError } from '../../errors.ts'
import type { Bounds, GroupOffsets } from './store.ts'

/** Bytes one record takes on disk, about: small ones share pages that are half full, large ones have pages of their own. */
export function diskBytes(valueBytes: number): number {
  return valueBytes <= 2000 ? (valueBytes + 30) * 2 : Math.ceil((valueBytes + 16) / 4096) * 4096 + 64
}

export class PartitionLog {
  readonly topic: string
  readonly topicId: number
  readonly partition: number
  readonly groups = new Map<string, GroupOffsets & { nextPosition: number }>()
  bounds: Bounds
  readonly #waiting = new Set<() => void>()

  constructor(topic: string, topicId: number, partition: number, bounds: Bounds) {
    this.topic = topic
    this.topicId = topicId
    this.partition = partition
    this.bounds = bounds
  }

  get bytes(): number {
    return this.bounds.endPosition - this.bounds.startPosition
  }

  /** Offset below which no known group needs a record; the log's start where no group is known. */
  get unneeded(): number {
    let least = Number.POSITIVE_INFINITY
    for (const { keep } of this.groups.values()) least = Math.min(least, keep)
    return least === Number.POSITIVE_INFINITY ? this.bounds.start : least
  }

  /** Throws `offset_lost` where the log no longer holds `offset`. */
  requireFrom(offset: number, group: string): void {
    const { start } = this.bounds
    if (offset >= start) return
    throw new PipelineError(
      'offset_lost',
      `group ${group} needs ${this.topic}/${this.partition} from offset ${offset}, but the log starts at ${start}`,
    )
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves when there is a record at or after `offset`, or the signal aborts. */
  appended(offset: number, signal: AbortSignal): Promise<void> {
    if (offset < this.bounds.end || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
