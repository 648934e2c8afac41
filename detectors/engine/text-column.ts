/**
 * A text column of a block, read where it lies: offsets are found once, and a text is made only for the few rows that are kept as
 * examples. Layout of the body (docs/block-format.md): per row a varint length and so many bytes of UTF-8.
 */
import { PipelineError } from '../../core/errors.ts'
import { hashBytes, hashBytesTwice } from '../hash.ts'

export class TextColumn {
  readonly #bytes: Buffer
  /** Start of row i's bytes at 2i, end at 2i + 1. */
  readonly #bounds: Uint32Array

  constructor(bytes: Buffer, rows: number) {
    const bounds = new Uint32Array(rows * 2)
    const size = bytes.length
    let at = 0
    for (let row = 0; row < rows; row += 1) {
      let length = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]
        if (byte === undefined || shift > 21) throw truncated()
        length |= (byte & 0x7f) << shift
        if (byte < 0x80) break
      }
      bounds[row * 2] = at
      at += length
      bounds[row * 2 + 1] = at
      if (at > size) throw truncated()
    }
    if (at !== size) throw new PipelineError('block_corrupt', 'block cannot be read: bytes after the last text')
    this.#bytes = bytes
    this.#bounds = bounds
  }

  text(row: number): string {
    return this.#bytes.toString('utf8', this.#bounds[row * 2], this.#bounds[row * 2 + 1])
  }

  empty(row: number): boolean {
    return this.#bounds[row * 2] === this.#bounds[row * 2 + 1]
  }

  /** 32-bit hash of the row's bytes. */
  hash(row: number): number {
    return hashBytes(this.#bytes, this.#bounds[row * 2]!, this.#bounds[row * 2 + 1]!)
  }

  /** The same, and in `secondHash` another by which two texts of one hash are told apart: both in one walk. */
  hashTwice(row: number): number {
    return hashBytesTwice(this.#bytes, this.#bounds[row * 2]!, this.#bounds[row * 2 + 1]!)
  }
}

function truncated(): PipelineError {
  return new PipelineError('block_corrupt', 'block cannot be read: truncated text')
}
