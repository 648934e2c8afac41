/** What kafkajs writes its requests with. Not part of its interface: kafkajs-costs.test.ts fails where another version has it otherwise. */
import { createRequire } from 'node:module'

export interface Encoder {
  /** What is written lies in its first `offset` bytes. */
  buf: Buffer
  offset: number
  /** Free bytes of the same memory right before `buf` (requests-in-place.ts); absent for none. */
  room?: number
  writeEncoder(value: Encoder): this
  writeInt8(value: number): this
  writeInt16(value: number): this
  writeInt32(value: number): this
  writeUInt32(value: number): this
  writeInt64(value: unknown): this
  writeString(value: string | null): this
  writeVarInt(value: number): this
  writeVarIntBytes(value: Buffer | string | null | undefined): this
}

interface EncoderClass {
  new (bytes?: number): Encoder
  prototype: Encoder
  nextPowerOfTwo(length: number): number
  sizeOfVarInt(value: number): number
  sizeOfVarIntBytes(value: Buffer | string | null | undefined): number
}

export const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder') as EncoderClass
