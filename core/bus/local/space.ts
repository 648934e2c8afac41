/** Whether the log takes new records: by its cap, and by how far the groups that must keep up are behind. */
import { PipelineError } from '../../errors.ts'
import type { RequiredGroup } from '../bus.ts'
import type { PartitionLog } from './partition-log.ts'

/** Shares of the cap. Refused past the first of a pair, taken again below the second. */
const HELD = { refuse: 1, accept: 0.9 }
const BEHIND = { refuse: 0.8, accept: 0.7 }
const RETRY_AFTER_MS = 1000

export class Space {
  readonly #logs: readonly PartitionLog[]
  readonly #required: readonly RequiredGroup[]
  readonly #maxBytes: number
  #refusing = false

  constructor(logs: readonly PartitionLog[], required: readonly RequiredGroup[], maxBytes: number) {
    this.#logs = logs
    this.#required = required
    this.#maxBytes = maxBytes
  }

  /** Throws `bus_full` where `moreBytes` more may not be taken now. */
  require(moreBytes: number): void {
    const share = this.#refusing ? 'accept' : 'refuse'
    const reason = this.#excess(moreBytes, HELD[share] * this.#maxBytes, BEHIND[share] * this.#maxBytes)
    this.#refusing = reason !== undefined
    if (reason === undefined) return
    throw new PipelineError(
      'bus_full',
      `no new records are taken: ${reason}; the cap is bus.maxBytes ${this.#maxBytes}`,
      {
        retriable: true,
        retryAfterMs: RETRY_AFTER_MS,
      },
    )
  }

  #excess(moreBytes: number, mostHeld: number, mostBehind: number): string | undefined {
    let heldBytes = moreBytes
    for (const log of this.#logs) heldBytes += log.bytes
    if (heldBytes > mostHeld) {
      const slowest = this.#slowest()
      const holder = slowest === undefined ? '' : `, most of it for group ${slowest}`
      return `the log holds ${heldBytes} bytes${holder}`
    }
    for (const { topic, group } of this.#required) {
      const behindBytes = this.#behind(topic, group)
      if (behindBytes > mostBehind) return `group ${group} of ${topic} is ${behindBytes} bytes behind`
    }
    return undefined
  }

  #behind(topic: string, group: string): number {
    let bytes = 0
    for (const log of this.#logs) {
      const offsets = log.topic === topic ? log.groups.get(group) : undefined
      if (offsets !== undefined) bytes += log.bounds.endPosition - offsets.nextPosition
    }
    return bytes
  }

  /** The group that is furthest behind, for the message. */
  #slowest(): string | undefined {
    const behind = new Map<string, number>()
    for (const { topic, groups, bounds } of this.#logs) {
      for (const [group, { nextPosition }] of groups) {
        const name = `${group} of ${topic}`
        behind.set(name, (behind.get(name) ?? 0) + bounds.endPosition - nextPosition)
      }
    }
    return [...behind].sort(([, a], [, b]) => b - a)[0]?.[0]
  }
}
