/** Bus records that are JSON behind four bytes that say what they are: for what is rare beside blocks of calls. */
import { PipelineError } from '../errors.ts'

export interface JsonRecord<T> {
  encode(value: T): Uint8Array
  /** undefined where the record holds something else, such as a tick. Throws `block_corrupt` where what follows is no JSON. */
  decode(record: Uint8Array): T | undefined
}

/** `magic`: four ASCII characters, the last one the version. */
export function jsonRecord<T>(magic: string): JsonRecord<T> {
  const head = Buffer.from(magic)
  return {
    encode: (value) => Buffer.concat([head, Buffer.from(JSON.stringify(value))]),
    decode: (record) => {
      const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
      if (bytes.length < head.length || head.compare(bytes, 0, head.length) !== 0) return undefined
      try {
        return JSON.parse(bytes.toString('utf8', head.length)) as T
      } catch (cause) {
        // The parser's own words show the record's.
        throw new PipelineError('block_corrupt', `record ${magic} of ${bytes.length} bytes holds no JSON`, { cause })
      }
    },
  }
}
