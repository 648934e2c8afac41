/**
 * Keys in LMDB: big-endian, so that byte order is log order. A record's key holds its offset and its position, which is the
 * sum of the bytes of all records before it in the partition: sizes of ranges are known from keys alone.
 */
const U32 = 0x1_0000_0000

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
