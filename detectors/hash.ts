/** Hashes that choose (samples, kept examples) and hashes that name (finding ids, fingerprints). */
import { createHash } from 'node:crypto'

/** 32-bit FNV-1a over UTF-16 units, finished so that all bits count. */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return finish(hash)
}

/** The same over bytes `from` to `to`. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return finish(hash)
}

/** The second hash of the last `hashBytesTwice`; a pair of numbers returned would be an object a row. */
export let secondHash = 0

/** `hashBytes` with seed 0, and in `secondHash` with another seed, in one walk. */
export function hashBytesTwice(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  let second = 0x811c9dc5 ^ SECOND_SEED
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at]!
    hash = Math.imul(hash ^ byte, 0x01000193)
    second = Math.imul(second ^ byte, 0x01000193)
  }
  secondHash = finish(second)
  return finish(hash)
}

const SECOND_SEED = 0x5bd1e995

/** Stirs a number (integer up to 2^53) into a hash. */
export function hashNumber(hash: number, value: number): number {
  return finish(Math.imul(hash, 0x01000193) ^ Math.imul(value >>> 0, 0x9e3779b1) ^ (value / 0x1_0000_0000))
}

function finish(value: number): number {
  let hash = value
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return hash >>> 0
}

/** 128 bits of SHA-256 over the parts, hex. */
export function nameHash(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

/** 53 bits of a text, as a number: a fingerprint where the text itself is too long to keep. */
export function fingerprint53(text: string): number {
  return hashText(text) + (hashText(text, 0x5bd1e995) & 0x1f_ffff) * 0x1_0000_0000
}
