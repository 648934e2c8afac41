/** Kafka's compressions for kafkajs, which brings gzip alone, without a bound. What comes out is never more than the bound. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import * as zstd from '@foxglove/wasm-zstd'
import kafkajs from 'kafkajs'
import { decompressFrame } from 'lz4-napi'
import { uncompress } from 'snappy'
import { lz4Bound } from './lz4-frame.ts'
import { snappyBlocks, snappyLength } from './snappy-blocks.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs
const gunzipAsync = promisify(gunzip)

export type Compression = 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** What is compressed into what it was, at most so many bytes; throws for what is broken or longer. */
export const DECOMPRESS: Readonly<Record<Compression, (bytes: Buffer, maxBytes: number) => Promise<Buffer>>> = {
  gzip: (bytes, maxOutputLength) => gunzipAsync(bytes, { maxOutputLength }),
  async snappy(bytes, maxBytes) {
    const blocks = snappyBlocks(bytes)
    const length = blocks.reduce((sum, block) => sum + snappyLength(block), 0)
    if (length > maxBytes) throw tooLong(maxBytes)
    return Buffer.concat((await Promise.all(blocks.map((block) => uncompress(block)))) as Buffer[])
  },
  async lz4(bytes, maxBytes) {
    if (lz4Bound(bytes) > maxBytes) throw tooLong(maxBytes)
    return decompressFrame(bytes)
  },
  async zstd(bytes, maxBytes) {
    await zstd.isLoaded
    if (bytes.length === 0) throw new Error('nothing to decompress')
    try {
      return zstd.decompress(bytes, maxBytes)
    } catch {
      throw new Error(`broken, or longer than ${maxBytes} bytes`)
    }
  },
}

const NUMBERS = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const satisfies Record<Compression, number>

/** From now on every consumer of this process reads all of them. */
export function registerCodecs(maxBytes: number): void {
  for (const [name, number] of Object.entries(NUMBERS)) {
    const decompress = DECOMPRESS[name as Compression]
    CompressionCodecs[number] = () => ({
      compress: async () => {
        throw new Error('what is compressed is only read here')
      },
      decompress: (bytes: Buffer) => decompress(bytes, maxBytes),
    })
  }
}

function tooLong(maxBytes: number): Error {
  return new Error(`longer than ${maxBytes} bytes`)
}
