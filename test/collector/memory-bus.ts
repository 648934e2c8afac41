/** The publishing side of a bus, in memory; publications can be held back or refused. */

import { decodeRejected, type Rejected } from '../../collector/rejected.ts'
import { Block, isBlock } from '../../core/block.ts'
import type { Bus, Publication } from '../../core/bus/bus.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import type { Call } from '../../core/call.ts'
import { decodeTick, type Tick } from '../../core/tick.ts'

export class MemoryBus implements Bus {
  readonly published: Publication[] = []
  publications = 0
  /** Awaited before each publication; throw here to refuse it. */
  gate: () => Promise<void> = async () => {}
  readonly #partitions: number

  constructor(partitions = 4) {
    this.#partitions = partitions
  }

  partitions(): number {
    return this.#partitions
  }

  async publish(records: readonly Publication[]): Promise<void> {
    this.publications += 1
    await this.gate()
    // As every bus: what it was given may be written over once it has it.
    for (const { topic, partition, value } of records) {
      this.published.push({ topic, partition, value: Uint8Array.from(value) })
    }
  }

  blocks(partition?: number): Block[] {
    return this.#values(TOPIC.calls, partition)
      .filter(isBlock)
      .map((value) => new Block(value))
  }

  calls(partition?: number): Call[] {
    return this.blocks(partition).flatMap((block) => Array.from({ length: block.rows }, (_, row) => block.call(row)))
  }

  /** Hex ids of deliveries, in the order of the log. */
  deliveries(): string[] {
    return this.blocks().flatMap((block) => block.deliveries.map(({ id }) => Buffer.from(id).toString('hex')))
  }

  ticks(partition?: number): Tick[] {
    return this.#values(TOPIC.calls, partition).flatMap((value) => decodeTick(value) ?? [])
  }

  rejected(): Rejected[] {
    return this.#values(TOPIC.rejected).flatMap((value) => decodeRejected(value) ?? [])
  }

  #values(topic: string, partition?: number): Uint8Array[] {
    return this.published
      .filter((record) => record.topic === topic && (partition === undefined || record.partition === partition))
      .map(({ value }) => value)
  }

  process(): Promise<void> {
    throw new Error('this bus only takes')
  }

  async lag(): Promise<[]> {
    return []
  }

  async close(): Promise<void> {}
}
