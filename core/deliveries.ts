/**
 * Deliveries seen lately in one partition. Senders resend what they saw no acknowledgement for; each reader of `calls` drops a
 * delivery it has seen in the last ten minutes of log time, so received = stored + rejected + duplicate.
 *
 * A pure function of the log, whose time is that of log-time.ts. Generations of one minute, eleven so that ten
 * whole minutes are always held; the oldest is forgotten whole. A delivery seen again is remembered from then on. A 64-bit fingerprint of the 128-bit id is held (16 bytes an entry at half load), as two Uint32 in an open table.
 */
import { MINUTE } from './clock.ts'

const GENERATIONS = 11
/** Entries a minute; beyond it the oldest generation goes early, which `overflowed` tells. */
const MAX_ENTRIES = 1 << 20

interface Generation {
  minute: number
  size: number
  /** Pairs of words; (0, 0) is an empty slot. */
  slots: Uint32Array
}

export class SeenDeliveries {
  overflowed = 0
  #generations: Generation[] = []
  #minute = 0

  /** The log's time has come to `time` (epoch microseconds). */
  advance(time: number): void {
    const minute = Math.floor(time / MINUTE)
    if (minute <= this.#minute) return
    // Before the first tick the log has no time: what came before it came then.
    if (this.#minute === 0) for (const generation of this.#generations) generation.minute = minute
    this.#minute = minute
    this.#generations = this.#generations.filter((generation) => generation.minute > minute - GENERATIONS)
  }

  /** True where the delivery came before; it is remembered either way. */
  seen(id: Uint8Array): boolean {
    const low = (id[0]! | (id[1]! << 8) | (id[2]! << 16) | (id[3]! << 24)) >>> 0
    const high = (id[4]! | (id[5]! << 8) | (id[6]! << 16) | (id[7]! << 24) | 1) >>> 0
    const seen = this.#generations.some((generation) => has(generation, low, high))
    insert(this.#current(), low, high)
    return seen
  }

  #current(): Generation {
    const last = this.#generations.at(-1)
    if (last?.minute === this.#minute && last.size < MAX_ENTRIES) return last
    if (last?.minute === this.#minute) this.overflowed += 1
    const fresh = { minute: this.#minute, size: 0, slots: new Uint32Array(2 * 64) }
    this.#generations.push(fresh)
    if (this.#generations.length > GENERATIONS) this.#generations.shift()
    return fresh
  }

  /** For the state that goes with an offset: one value per generation. */
  snapshot(): Uint8Array {
    const parts = [u32(this.#minute), u32(this.#generations.length)]
    for (const { minute, size, slots } of this.#generations) {
      const entries = new Uint32Array(size * 2)
      let at = 0
      for (let i = 0; i < slots.length; i += 2) {
        if (slots[i + 1] === 0) continue
        entries[at++] = slots[i]!
        entries[at++] = slots[i + 1]!
      }
      parts.push(u32(minute), u32(size), Buffer.from(entries.buffer))
    }
    return Buffer.concat(parts)
  }

  static restore(bytes: Uint8Array | undefined): SeenDeliveries {
    const seen = new SeenDeliveries()
    if (bytes === undefined) return seen
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    seen.#minute = view.getUint32(0, true)
    let at = 8
    for (let left = view.getUint32(4, true); left > 0; left -= 1) {
      const generation = { minute: view.getUint32(at, true), size: 0, slots: new Uint32Array(2 * 64) }
      const size = view.getUint32(at + 4, true)
      at += 8
      for (let i = 0; i < size; i += 1, at += 8)
        insert(generation, view.getUint32(at, true), view.getUint32(at + 4, true))
      seen.#generations.push(generation)
    }
    return seen
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function slotOf(slots: Uint32Array, low: number, high: number): number {
  const mask = slots.length / 2 - 1
  let slot = low & mask
  while (slots[slot * 2 + 1] !== 0 && (slots[slot * 2] !== low || slots[slot * 2 + 1] !== high))
    slot = (slot + 1) & mask
  return slot * 2
}

function has(generation: Generation, low: number, high: number): boolean {
  return generation.slots[slotOf(generation.slots, low, high) + 1] !== 0
}

function insert(generation: Generation, low: number, high: number): void {
  const slot = slotOf(generation.slots, low, high)
  if (generation.slots[slot + 1] !== 0) return
  generation.slots[slot] = low
  generation.slots[slot + 1] = high
  generation.size += 1
  if (generation.size * 4 > generation.slots.length) {
    const old = generation.slots
    generation.slots = new Uint32Array(old.length * 2)
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      const to = slotOf(generation.slots, old[i]!, old[i + 1]!)
      generation.slots[to] = old[i]!
      generation.slots[to + 1] = old[i + 1]!
    }
  }
}
