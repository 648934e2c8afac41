/** Gathers calls of one partition into blocks: several deliveries share one, and none is larger than its readers like. */
import { type Delivery as BlockDelivery, encodeBlock } from '../core/block.ts'
import { partId } from './delivery.ts'
import type { PartitionCalls } from './read-delivery.ts'

const MAX_ROWS = 4096
/** Characters the records said; about a quarter of it becomes bytes of a block, so this aims at 256 KiB. */
const MAX_WEIGHT = 1024 * 1024

export class BlockBuilder {
  readonly #blocks: Uint8Array[] = []
  #deliveries: BlockDelivery[] = []
  #rows = 0
  #weight = 0

  /**
   * A delivery too large for one block is cut by its content alone, each part under an id of its own: readers drop a delivery they
   * have seen in the partition, and a resent one must be cut alike.
   */
  add(id: Uint8Array, { calls, weights }: PartitionCalls): void {
    let from = 0
    for (let part = 0; from < calls.length; part += 1) {
      let weight = 0
      let to = from
      while (to < calls.length && to - from < MAX_ROWS && (to === from || weight + weights[to]! <= MAX_WEIGHT)) {
        weight += weights[to]!
        to += 1
      }
      this.#addPart({ id: partId(id, part), calls: to - from === calls.length ? calls : calls.slice(from, to) }, weight)
      from = to
    }
  }

  #addPart(delivery: BlockDelivery, weight: number): void {
    if (this.#rows + delivery.calls.length > MAX_ROWS || this.#weight + weight > MAX_WEIGHT) this.#cut()
    this.#deliveries.push(delivery)
    this.#rows += delivery.calls.length
    this.#weight += weight
  }

  #cut(): void {
    if (this.#deliveries.length === 0) return
    this.#blocks.push(encodeBlock(this.#deliveries))
    this.#deliveries = []
    this.#rows = 0
    this.#weight = 0
  }

  finish(): readonly Uint8Array[] {
    this.#cut()
    return this.#blocks
  }
}
