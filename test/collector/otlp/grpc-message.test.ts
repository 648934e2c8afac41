import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inflated, MessageReader } from '../../../collector/otlp/grpc-message.ts'
import { PipelineError } from '../../../core/errors.ts'

const MAX = 100_000
const unlimited = { maxBytes: MAX, take: () => {} }

function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** The bytes in pieces that end at these places. */
function* pieces(bytes: Buffer, ends: readonly number[]): Generator<Buffer> {
  let from = 0
  for (const end of [...ends.map((end) => end % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    yield bytes.subarray(from, end)
    from = end
  }
}

describe('the message of a gRPC call', () => {
  it('is the same in whatever pieces it comes, and every byte of it is told of before it is kept', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.array(fc.nat(), { maxLength: 12 }), (message, ends) => {
        let taken = 0
        const reader = new MessageReader({ maxBytes: MAX, take: (bytes) => (taken += bytes) })
        for (const piece of pieces(framed(message, 1), ends)) reader.push(piece)
        expect(reader.end()).toEqual({ bytes: Buffer.from(message), compressed: true })
        expect(taken).toBe(message.length)
      }),
    )
  })

  it('may be larger than what memory is had for at once', () => {
    const message = Buffer.alloc(5_000_000, 'eastwatch')
    const reader = new MessageReader({ maxBytes: message.length, take: () => {} })
    for (const piece of pieces(framed(message), [700_000, 1_500_000, 4_000_000])) reader.push(piece)
    expect(reader.end().bytes.equals(message)).toBe(true)
  })

  it('is refused where anything of it is missing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (message, cut) => {
        const reader = new MessageReader(unlimited)
        const bytes = framed(message)
        reader.push(bytes.subarray(0, cut % bytes.length))
        expect(() => reader.end()).toThrow('the call ended before its message did')
      }),
    )
  })

  it('is refused by its length alone, before a byte of it is kept', () => {
    const reader = new MessageReader({ maxBytes: MAX, take: () => expect.unreachable('nothing may be taken') })
    const prefix = framed(Buffer.alloc(0))
    prefix.writeUInt32BE(MAX + 1, 1)
    expect(() => reader.push(prefix)).toThrow(`request body exceeds ${MAX} bytes`)
  })

  it('is refused where a second one follows, or its flag is none', () => {
    const two = new MessageReader(unlimited)
    expect(() => two.push(Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b'))]))).toThrow(
      'more than one message',
    )
    const flagged = new MessageReader(unlimited)
    flagged.push(framed(Buffer.from('a'), 2))
    expect(() => flagged.end()).toThrow('2 is no flag')
  })

  it('is decompressed up to the limit and no further, each piece told of', async () => {
    const text = Buffer.alloc(MAX, 'mesh')
    let taken = 0
    const take = (bytes: number): void => {
      taken += bytes
    }
    expect((await inflated(gzipSync(text), 'gzip', { maxBytes: MAX, take })).equals(text)).toBe(true)
    expect(taken).toBe(MAX)
    expect((await inflated(deflateSync(text), 'deflate', unlimited)).equals(text)).toBe(true)
    await expect(inflated(gzipSync(text), 'gzip', { maxBytes: MAX - 1, take })).rejects.toMatchObject({
      code: 'too_large',
    })
    const full = new PipelineError('throttled', 'no room', { retriable: true })
    const refusing = (): void => {
      throw full
    }
    await expect(inflated(gzipSync(text), 'gzip', { maxBytes: MAX, take: refusing })).rejects.toBe(full)
  })

  it('is refused where it is not so compressed, or only begins to be', async () => {
    const whole = gzipSync(Buffer.alloc(5000, 'mesh'))
    for (const bytes of [Buffer.from('no gzip at all'), whole.subarray(0, whole.length - 4), Buffer.alloc(0)]) {
      await expect(inflated(bytes, 'gzip', unlimited)).rejects.toMatchObject({ code: 'bad_input' })
    }
    await expect(inflated(whole, 'identity', unlimited)).rejects.toThrow('without grpc-encoding')
  })
})
