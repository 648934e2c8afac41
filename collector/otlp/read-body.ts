/** A request's body, decompressed as it comes and counted as it grows: neither a bomb nor a long body is ever held whole. */
import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { PipelineError } from '../../core/errors.ts'
import { memoryFor } from '../body-memory.ts'

export interface BodyLimits {
  maxBytes: number
  /** Told of each piece before it is kept; may throw. */
  take(bytes: number): void
}

/** Throws `too_large` past the limit, `bad_input` for broken gzip or a body that ends early. Leaves the connection open. */
export async function readBody(request: IncomingMessage, gzip: boolean, limits: BodyLimits): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limits.maxBytes) tooLarge(limits.maxBytes)
  try {
    return await gathered(gzip ? inflated(request) : request.iterator({ destroyOnReturn: false }), limits)
  } catch (error) {
    if (error instanceof PipelineError) throw error
    const what = request.complete ? 'gzip cannot be read' : 'request ended before its body did'
    throw new PipelineError('bad_input', what, { cause: error })
  }
}

/** All of the pieces as one. Throws `too_large` past the limit, what `take` throws, and what the pieces throw. */
export async function gathered(source: AsyncIterable<unknown>, { maxBytes, take }: BodyLimits): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of source) {
    const bytes = piece as Buffer
    size += bytes.length
    if (size > maxBytes) tooLarge(maxBytes)
    take(bytes.length)
    pieces.push(bytes)
  }
  if (pieces.length === 1) return pieces[0]!
  const all = memoryFor(size)
  let at = 0
  for (const piece of pieces) at += piece.copy(all, at)
  return all
}

function inflated(request: IncomingMessage): AsyncIterable<unknown> {
  const gunzip = createGunzip()
  request.once('close', () => {
    if (!request.complete) gunzip.destroy(new Error('aborted'))
  })
  return request.pipe(gunzip)
}

export function tooLarge(limit: number): never {
  throw new PipelineError('too_large', `request body exceeds ${limit} bytes after decompression`)
}
