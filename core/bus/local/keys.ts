/**
 * Keys in LMDB: big-endian, so that byte order is log order. A record's key holds its offset and its position, which is the
 * sum of the bytes of all records before it in the partition: sizes of ranges are known from keys alone.
 */
import { createHash } from 'node:crypto'

const U32 = 0x1_0000_0000
/** Bytes of a state key held in the LMDB key itself (its limit is 1978); longer ones are cut and told apart by a hash. */
const MAX_INLINE = 1024
/** Never a byte of UTF-8: marks a cut key. */
const CUT = 0xff

export function partitionKey(topic: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(4)
  key.writeUInt16BE(topic, 0)
  key.writeUInt16BE(partition, 2)
  return key
}

export function recordKey(topic: number, partition: number, offset: number, position: number): Buffer {
  const key = Buffer.allocUnsafe(20)
  key.writeUInt16BE(topic, 0)
  key.writeUInt16BE(partition, 2)
  writeU64(key, offset, 4)
  writeU64(key, position, 12)
  return key
}

export function offsetOf(key: Buffer): number {
  return key.readUInt32BE(4) * U32 + key.readUInt32BE(8)
}

export function positionOf(key: Buffer): number {
  return key.readUInt32BE(12) * U32 + key.readUInt32BE(16)
}

function writeU64(key: Buffer, value: number, at: number): void {
  key.writeUInt32BE(Math.floor(value / U32), at)
  key.writeUInt32BE(value % U32, at + 4)
}

export function groupKey(topic: number, partition: number, group: string): Buffer {
  return Buffer.concat([partitionKey(topic, partition), Buffer.from(group)])
}

/** Prefix of all state keys of a group in a partition. */
export function statePrefix(topic: number, partition: number, group: string): Buffer {
  const name = Buffer.from(group)
  return Buffer.concat([partitionKey(topic, partition), Buffer.of(name.length), name])
}

/** The first key after all that start with `prefix`, whose last byte is below 0xff. */
export function afterPrefix(prefix: Buffer): Buffer {
  const after = Buffer.from(prefix)
  after[after.length - 1]! += 1
  return after
}

export function stateKey(prefix: Buffer, key: string): { key: Buffer; cut: boolean } {
  const text = Buffer.from(key)
  if (text.length <= MAX_INLINE) return { key: Buffer.concat([prefix, text]), cut: false }
  const hash = createHash('sha256').update(text).digest().subarray(0, 16)
  return { key: Buffer.concat([prefix, text.subarray(0, MAX_INLINE), Buffer.of(CUT), hash]), cut: true }
}

/** True where the LMDB key of this length stands for a cut state key, whose text is in the value. */
export function isCut(prefix: Buffer, key: Buffer): boolean {
  return key.length > prefix.length + MAX_INLINE
}
