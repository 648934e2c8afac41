/** Gathers calls of one partition into blocks: several deliveries share one, and none is larger than its readers like. */
import { type CallRows, encodeRows, type RowsOfDelivery } from '../core/block.ts'
import { partId } from './delivery.ts'
import type { PartitionCalls } from './read-delivery.ts'

const MAX_ROWS = 4096
/** Characters the records said; about a quarter of it becomes bytes of a block, so this aims at 256 KiB. */
const MAX_WEIGHT = 1024 * 1024

export class BlockBuilder {
  /** What each block holds. */
  readonly #blocks: RowsOfDelivery[][] = []
  #deliveries: RowsOfDelivery[] = []
  #rows = 0
  #weight = 0

  /**
   * A delivery too large for one block is cut by its content alone, each part under an id of its own: readers drop a delivery they
   * have seen in the partition, and a resent one must be cut alike.
   */
  add(id: Uint8Array, { rows, weights }: PartitionCalls): void {
    let from = 0
    for (let part = 0; from < rows.length; part += 1) {
      let weight = 0
      let to = from
      while (to < rows.length && to - from < MAX_ROWS && (to === from || weight + weights[to]! <= MAX_WEIGHT)) {
        weight += weights[to]!
        to += 1
      }
      this.#addPart({ id: partId(id, part), rows: to - from === rows.length ? rows : rows.slice(from, to) }, weight)
      from = to
    }
  }

  #addPart(delivery: RowsOfDelivery, weight: number): void {
    if (this.#rows + delivery.rows.length > MAX_ROWS || this.#weight + weight > MAX_WEIGHT) this.#cut()
    this.#deliveries.push(delivery)
    this.#rows += delivery.rows.length
    this.#weight += weight
  }

  #cut(): void {
    if (this.#deliveries.length === 0) return
    this.#blocks.push(this.#deliveries)
    this.#deliveries = []
    this.#rows = 0
    this.#weight = 0
  }

  /** The blocks, of the rows that were meant. */
  finish(rows: CallRows): Uint8Array[] {
    this.#cut()
    return this.#blocks.map((deliveries) => encodeRows(rows, deliveries))
  }
}
