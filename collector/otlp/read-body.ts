/** A request's body, decompressed as it comes and counted as it grows: neither a bomb nor a long body is ever held whole. */
import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { PipelineError } from '../../core/errors.ts'

export interface BodyLimits {
  maxBytes: number
  /** Told of each piece before it is kept; may throw. */
  take(bytes: number): void
}

/** Throws `too_large` past the limit, `bad_input` for broken gzip or a body that ends early. Leaves the connection open. */
export async function readBody(request: IncomingMessage, gzip: boolean, limits: BodyLimits): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limits.maxBytes) tooLarge(limits.maxBytes)
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of gzip ? inflated(request) : request.iterator({ destroyOnReturn: false })) {
      const bytes = piece as Buffer
      size += bytes.length
      if (size > limits.maxBytes) tooLarge(limits.maxBytes)
      limits.take(bytes.length)
      pieces.push(bytes)
    }
  } catch (error) {
    if (error instanceof PipelineError) throw error
    const what = request.complete ? 'gzip cannot be read' : 'request ended before its body did'
    throw new PipelineError('bad_input', what, { cause: error })
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size)
}

function inflated(request: IncomingMessage): AsyncIterable<unknown> {
  const gunzip = createGunzip()
  request.once('close', () => {
    if (!request.complete) gunzip.destroy(new Error('aborted'))
  })
  return request.pipe(gunzip)
}

function tooLarge(limit: number): never {
  throw new PipelineError('too_large', `request body exceeds ${limit} bytes after decompression`)
}
