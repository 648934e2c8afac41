/** Snappy as Kafka's clients write it: one raw block (franz-go), or the Java client's frame of several. https://github.com/xerial/snappy-java */
const FRAME = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
/** The frame's mark, its version, and the least version that can read it. */
const HEAD_BYTES = FRAME.length + 8

/** Throws where a block is cut short. */
export function snappyBlocks(bytes: Buffer): Buffer[] {
  if (!bytes.subarray(0, FRAME.length).equals(FRAME)) return [bytes]
  const blocks: Buffer[] = []
  for (let at = HEAD_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new Error('a Snappy block is cut short')
    blocks.push(bytes.subarray(at + 4, end))
    at = end
  }
  return blocks
}

/** What a block says of its own length: as much memory it gets, and no more is written. */
export function snappyLength(block: Buffer): number {
  let length = 0
  for (let i = 0; i < 5; i += 1) {
    const byte = block.readUInt8(i)
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return length
  }
  throw new Error('a Snappy block without a length')
}
