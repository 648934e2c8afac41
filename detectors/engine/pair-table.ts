/**
 * Pairs met lately, each with its key made once: the key is long, and a pair is met in every block. Texts have numbers here, so that
 * a pair is found by five numbers.
 */
import { type PairKey, pairKeyText } from '../window.ts'

export interface Pair {
  pair: PairKey
  key: string
}

/** Past either all are forgotten at once; whoever is still about is met again. */
const MOST_PAIRS = 50_000
const MOST_TEXTS = 200_000
/** Numbers of a pair: destination, identity, workload, namespace, address. */
const PARTS = 5

export class PairTable {
  #texts: string[] = []
  #numbers = new Map<string, number>()
  #pairs: Pair[] = []
  /** The parts of pair i from PARTS * i on. */
  #parts: number[] = []
  /** Open addressing at no more than half load: places in `pairs`, -1 where there is none. */
  #slots = new Int32Array(0)

  constructor() {
    this.#forget()
  }

  /** To be called before the numbers of a block are asked for: they hold until the next call. */
  makeRoom(): void {
    if (this.#pairs.length >= MOST_PAIRS || this.#texts.length >= MOST_TEXTS) this.#forget()
  }

  /** Numbers of texts; '' is 0. */
  numbersOf(dictionary: readonly string[]): Int32Array {
    return Int32Array.from(dictionary, (text) => {
      let number = this.#numbers.get(text)
      if (number === undefined) {
        number = this.#texts.push(text) - 1
        this.#numbers.set(text, number)
      }
      return number
    })
  }

  pair(destination: number, identity: number, workload: number, namespace: number, address: number): Pair {
    const mask = this.#slots.length - 1
    let hash = Math.imul(destination, 0x9e3779b1) ^ identity
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) ^ workload
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ namespace
    hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d) ^ address
    let slot = (hash ^ (hash >>> 15)) & mask
    const parts = this.#parts
    for (;;) {
      const place = this.#slots[slot]!
      if (place < 0) break
      const at = place * PARTS
      if (
        parts[at] === destination &&
        parts[at + 1] === identity &&
        parts[at + 2] === workload &&
        parts[at + 3] === namespace &&
        parts[at + 4] === address
      ) {
        return this.#pairs[place]!
      }
      slot = (slot + 1) & mask
    }
    const pair = {
      sourceIdentity: this.#texts[identity]!,
      sourceWorkload: this.#texts[workload]!,
      sourceNamespace: this.#texts[namespace]!,
      sourceAddress: this.#texts[address]!,
      destinationService: this.#texts[destination]!,
    }
    const made = { pair, key: pairKeyText(pair) }
    this.#slots[slot] = this.#pairs.push(made) - 1
    parts.push(destination, identity, workload, namespace, address)
    return made
  }

  #forget(): void {
    this.#texts = ['']
    this.#numbers = new Map([['', 0]])
    this.#pairs = []
    this.#parts = []
    // A block may add as many pairs as it has rows before room is made.
    this.#slots = new Int32Array(262_144).fill(-1)
  }
}
