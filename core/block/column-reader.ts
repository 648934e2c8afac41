/** Columns from bytes; whatever does not hold together is `block_corrupt`. */
import { PipelineError } from '../errors.ts'
import { LOW_ADDITIONAL_KEYS, LOW_VERSION, type NumberKind, RANGE } from './layout.ts'

/** A dictionary-coded column: row i holds dictionary[index[i]]. */
export interface LowColumn {
  dictionary: readonly string[]
  index: Uint8Array | Uint16Array | Uint32Array
}

export function corrupt(why: string): never {
  throw new PipelineError('block_corrupt', `block cannot be read: ${why}`)
}

class Input {
  at = 0
  readonly bytes: Buffer
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  u64(): number {
    if (this.at + 8 > this.bytes.length) corrupt('truncated integer')
    const value = this.bytes.readUInt32LE(this.at) + this.bytes.readUInt32LE(this.at + 4) * 0x1_0000_0000
    this.at += 8
    return value
  }

  text(): string {
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined || shift > 28) corrupt('truncated text length')
      size |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const end = this.at + size
    if (size < 0 || end > this.bytes.length) corrupt('truncated text')
    const value = this.bytes.toString('utf8', this.at, end)
    this.at = end
    return value
  }
}

export function readTexts(body: Buffer, rows: number): string[] {
  const input = new Input(body)
  const texts = Array.from({ length: rows }, () => input.text())
  if (input.at !== body.length) corrupt('bytes after the last text')
  return texts
}

export function readLow(body: Buffer, rows: number): LowColumn {
  const input = new Input(body)
  if (input.u64() !== LOW_VERSION) corrupt('dictionary version')
  const type = input.u64()
  if ((type & LOW_ADDITIONAL_KEYS) !== LOW_ADDITIONAL_KEYS) corrupt('dictionary type')
  const width = [1, 2, 4][type & 0xff] ?? corrupt('dictionary index type')
  const size = input.u64()
  if (size > rows + 1) corrupt('dictionary larger than the block')
  const dictionary: string[] = []
  for (let key = 0; key < size; key += 1) dictionary.push(input.text())
  if (input.u64() !== rows || input.at + rows * width !== body.length) corrupt('dictionary index length')
  const copy = new Uint8Array(body.subarray(input.at))
  const index = width === 1 ? copy : width === 2 ? new Uint16Array(copy.buffer) : new Uint32Array(copy.buffer)
  for (let row = 0; row < rows; row += 1) if (index[row]! >= size) corrupt('dictionary index out of range')
  return { dictionary, index }
}

export function readNumbers(body: Buffer, rows: number, kind: NumberKind): ArrayLike<number> {
  if (body.length !== rows * RANGE[kind].width) corrupt('column length')
  const copy = new Uint8Array(body)
  switch (kind) {
    case 'u8':
    case 'bool':
      return copy
    case 'u16':
      return new Uint16Array(copy.buffer)
    case 'i16':
      return new Int16Array(copy.buffer)
    case 'u32':
      return new Uint32Array(copy.buffer)
    default: {
      const words = new Uint32Array(copy.buffer)
      const values = new Float64Array(rows)
      for (let row = 0; row < rows; row += 1) values[row] = words[row * 2]! + words[row * 2 + 1]! * 0x1_0000_0000
      return values
    }
  }
}
