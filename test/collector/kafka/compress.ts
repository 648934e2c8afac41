/** What writers to Kafka do, and Eastwatch never does: compress. kafkajs's producers use it once it is registered. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import * as zstd from '@foxglove/wasm-zstd'
import kafkajs from 'kafkajs'
import { compressFrame } from 'lz4-napi'
import { compress as snappy } from 'snappy'
import { MAX_BATCH_BYTES } from '../../../collector/kafka/bounded-batches.ts'
import { type Compression, DECOMPRESS } from '../../../collector/kafka/codecs.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

export const COMPRESSIONS = Object.keys(DECOMPRESS) as Compression[]

const gzipAsync = promisify(gzip)

export const COMPRESS: Readonly<Record<Compression, (bytes: Buffer) => Promise<Buffer>>> = {
  gzip: (bytes) => gzipAsync(bytes),
  snappy,
  lz4: compressFrame,
  async zstd(bytes) {
    await zstd.isLoaded
    return zstd.compress(bytes)
  },
}

export const TYPES = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const

/** After `boundBatches`, which registers what only reads. */
export function registerCompressors(): void {
  for (const name of COMPRESSIONS) {
    CompressionCodecs[TYPES[name]] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => COMPRESS[name](buffer),
      decompress: (bytes: Buffer) => DECOMPRESS[name](bytes, MAX_BATCH_BYTES),
    })
  }
}
