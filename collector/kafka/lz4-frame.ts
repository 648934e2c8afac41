/**
 * How long what an LZ4 frame holds can be, from the heads of its blocks: the library decompresses without a bound.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
const MAGIC = 0x184d2204
/** By the block descriptor's number. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }
const UNCOMPRESSED = 0x80000000
/** A byte of LZ4 stands for no more. */
const MOST_PER_BYTE = 255

/** Throws for what is no frame, and for one that ends early. */
export function lz4Bound(frame: Buffer): number {
  if (frame.readUInt32LE(0) !== MAGIC) throw new Error('no LZ4 frame')
  const flags = frame.readUInt8(4)
  const blockBytes = BLOCK_BYTES[(frame.readUInt8(5) >> 4) & 7]
  if (blockBytes === undefined) throw new Error('an LZ4 frame without a known block size')
  const hasSums = (flags & 0x10) !== 0
  const hasLength = (flags & 0x08) !== 0
  const hasDictionary = (flags & 0x01) !== 0
  let at = 7 + (hasLength ? 8 : 0) + (hasDictionary ? 4 : 0)
  let bound = 0
  for (;;) {
    const head = frame.readUInt32LE(at)
    if (head === 0) return bound
    const length = (head & ~UNCOMPRESSED) >>> 0
    bound += head >= UNCOMPRESSED ? length : Math.min(blockBytes, length * MOST_PER_BYTE)
    at += 4 + length + (hasSums ? 4 : 0)
  }
}
