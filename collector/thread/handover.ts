/**
 * Memory that goes to the other thread with what is published, and comes back once that is durable. So a record is copied once, into memory
 * that is there already; a message without it copies each twice, into new memory.
 */
import type { Publication } from '../../core/bus/bus.ts'

/** Memory that is kept, most. */
const KEPT_BYTES = 4 * 1024 * 1024

export class Handover {
  /** Here, and free. */
  #memory = new ArrayBuffer(0)

  /** The same records, in memory that is to be transferred with them. */
  load(records: readonly Publication[]): { records: Publication[]; memory: ArrayBuffer } {
    const memory = this.#take(records.reduce((sum, { value }) => sum + value.length, 0))
    let at = 0
    const loaded = records.map(({ topic, partition, value }): Publication => {
      const moved = new Uint8Array(memory, at, value.length)
      moved.set(value)
      at += value.length
      return { topic, partition, value: moved }
    })
    return { records: loaded, memory }
  }

  giveBack(memory: ArrayBuffer): void {
    if (memory.byteLength > this.#memory.byteLength && memory.byteLength <= KEPT_BYTES) this.#memory = memory
  }

  #take(bytes: number): ArrayBuffer {
    const memory = this.#memory
    this.#memory = new ArrayBuffer(0)
    return memory.byteLength >= bytes ? memory : new ArrayBuffer(2 ** Math.ceil(Math.log2(bytes)))
  }
}
