/** Members of OTLP/JSON messages: absent and null are alike, a wrong shape is `bad_input` and named. */
import { PipelineError } from '../../core/errors.ts'

export type Json = Record<string, unknown>

export function member(parent: Json, key: string): Json | undefined {
  const value = parent[key]
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw new PipelineError('bad_input', `JSON cannot be read: ${key} is no object`)
  return value
}

export function elements(parent: Json, key: string): readonly Json[] {
  const value = parent[key]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new PipelineError('bad_input', `JSON cannot be read: ${key} is no array`)
  for (const element of value) {
    if (!isObject(element)) throw new PipelineError('bad_input', `JSON cannot be read: ${key} holds what is no object`)
  }
  return value
}

/** An unsigned 64-bit integer, as decimal text or number. */
export function uint64(parent: Json, key: string): bigint {
  const value = parent[key]
  if (value === undefined || value === null || value === '') return 0n
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value)
  if (typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n) return BigInt(value)
  throw new PipelineError('bad_input', `JSON cannot be read: ${key} is no unsigned 64-bit integer`)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
