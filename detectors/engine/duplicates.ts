/** Deliveries that came before, in handling and in rebuilding: which rows of a block to leave out. */
import type { Block, DeliveryRange } from '../../core/block.ts'
import { SeenDeliveries } from '../../core/deliveries.ts'

/** Deliveries that were duplicates, as offset of the record and place in its block. */
export type DuplicatesSnapshot = (readonly [offset: number, ordinal: number])[]

export class Duplicates {
  #seen = new SeenDeliveries()
  /** What was seen stands for the newest record, so what is rebuilt has its duplicates written down. */
  #found: DuplicatesSnapshot = []

  /** The log's time has come to `time`. */
  advance(time: number): void {
    this.#seen.advance(time)
  }

  /** Rows of deliveries seen before (1 in the mask); all of the block are seen from now on. */
  among(block: Block, offset: number): { mask: Uint8Array | undefined; rows: number } {
    let rows = 0
    const mask = maskOf(block, (ordinal, { id, from, to }) => {
      if (!this.#seen.seen(id)) return false
      rows += to - from
      this.#found.push([offset, ordinal])
      return true
    })
    return { mask, rows }
  }

  /** The same rows for a record that is read again to rebuild memory. */
  known(block: Block, offset: number): Uint8Array | undefined {
    return maskOf(block, (ordinal) => this.#found.some(([at, i]) => at === offset && i === ordinal))
  }

  /** Those at or after offset `keep`; earlier ones are never read again. */
  snapshot(keep: number): DuplicatesSnapshot {
    this.#found = this.#found.filter(([offset]) => offset >= keep)
    return this.#found
  }

  restore(found: DuplicatesSnapshot): void {
    this.#found = found
  }

  save(): Uint8Array {
    return this.#seen.snapshot()
  }

  load(value: Uint8Array): void {
    this.#seen = SeenDeliveries.restore(value)
  }
}

function maskOf(block: Block, skip: (ordinal: number, range: DeliveryRange) => boolean): Uint8Array | undefined {
  let mask: Uint8Array | undefined
  block.deliveries.forEach((range, ordinal) => {
    if (range.from === range.to || !skip(ordinal, range)) return
    mask ??= new Uint8Array(block.rows)
    mask.fill(1, range.from, range.to)
  })
  return mask
}
