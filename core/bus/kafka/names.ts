/** How things of the bus are called in Kafka. Everything begins with the prefix, so that access lists can go by it. */
import { createHash } from 'node:crypto'
import type { ProcessOptions } from '../bus.ts'

export type Owner = Pick<ProcessOptions, 'group' | 'topic'>

export class Names {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Of all that the prefix has in a cluster. */
  logId(clusterId: string): string {
    return createHash('sha256')
      .update(JSON.stringify([clusterId, this.#prefix]))
      .digest('hex')
      .slice(0, 32)
  }

  topic(topic: string): string {
    return this.#prefix + topic
  }

  /** A consumer group for each topic that a group reads: with one for several, each new reader of one would halt the others. */
  group({ group, topic }: Owner): string {
    return `${this.#prefix}${group}@${topic}`
  }

  /** Compacted: what the group remembers, on the partition number of its input. */
  state({ group, topic }: Owner): string {
    // A topic's name may have no @.
    return `${this.#prefix}${group}.${topic}.state`
  }

  /** The group and topic of a consumer group's name; undefined where it is none of ours. */
  ownerOf(consumerGroup: string): Owner | undefined {
    const at = consumerGroup.lastIndexOf('@')
    if (at < 0 || !consumerGroup.startsWith(this.#prefix)) return undefined
    return { group: consumerGroup.slice(this.#prefix.length, at), topic: consumerGroup.slice(at + 1) }
  }

  /** One for each input partition of a group: whoever takes it up shuts out whoever had it before. */
  transactionalId(owner: Owner, partition: number): string {
    return `${this.group(owner)}@${partition}`
  }
}
