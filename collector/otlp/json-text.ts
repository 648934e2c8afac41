/** JSON from strangers: depth and cost are bound before it is parsed, because parsing cannot be stopped. */
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { ReadLimits } from './limits.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Throws `bad_input` for what is no JSON and `too_large` past the limits. */
export function parseJson(bytes: Buffer, limits: Pick<ReadLimits, 'maxDepth' | 'maxJsonParts'>): unknown {
  measure(bytes, limits)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new PipelineError('bad_input', `JSON cannot be read: ${messageOf(error).slice(0, 200)}`, { cause: error })
  }
}

function measure(bytes: Buffer, { maxDepth, maxJsonParts }: Pick<ReadLimits, 'maxDepth' | 'maxJsonParts'>): void {
  let depth = 0
  let parts = 0
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at + 1)
        break
      case 0x7b:
      case 0x5b:
        depth += 1
        parts += 1
        if (depth > maxDepth) throw new PipelineError('bad_input', `JSON is nested deeper than ${maxDepth}`)
        break
      case 0x7d:
      case 0x5d:
        depth -= 1
        break
      case 0x2c:
        parts += 1
        if (parts > maxJsonParts) throw new PipelineError('too_large', `JSON has more than ${maxJsonParts} parts`)
        break
    }
  }
}

function endOfString(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at += 1
  }
  return bytes.length
}

/** What a JSON text body holds, or undefined where it is no JSON object within the limits. */
export function parseJsonBody(text: string, limits: ReadLimits): Record<string, unknown> | undefined {
  const bytes = Buffer.from(text)
  if (bytes.length > limits.maxTextBytes) return undefined
  try {
    return parseJson(bytes, limits) as Record<string, unknown>
  } catch {
    return undefined
  }
}
