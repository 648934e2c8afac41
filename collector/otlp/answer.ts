/**
 * What a sender is told. OTLP senders repeat only what is answered by 429, 503 or the like, and drop everything else: whatever might
 * succeed later must be said so. https://opentelemetry.io/docs/specs/otlp/#failures
 */
import { type ErrorCode, messageOf, PipelineError } from '../../core/errors.ts'
import type { Encoding, Receipt, Signal } from '../delivery.ts'
import { GRPC_STATUS, type GrpcStatus } from './grpc-status.ts'

export interface Refusal {
  http: number
  grpc: GrpcStatus
  message: string
  /** Set where the sender should try again. */
  retryAfterMs: number | undefined
}

const FINAL: Partial<Record<ErrorCode, [http: number, grpc: GrpcStatus]>> = {
  bad_input: [400, GRPC_STATUS.INVALID_ARGUMENT],
  too_large: [413, GRPC_STATUS.RESOURCE_EXHAUSTED],
  unauthenticated: [401, GRPC_STATUS.UNAUTHENTICATED],
}
const DEFAULT_RETRY_MS = 1000

export function refusalOf(error: unknown): Refusal {
  const known = error instanceof PipelineError ? error : undefined
  const final = known === undefined ? undefined : FINAL[known.code]
  if (final !== undefined) return { http: final[0], grpc: final[1], message: messageOf(error), retryAfterMs: undefined }
  const retryAfterMs = known?.retryAfterMs ?? DEFAULT_RETRY_MS
  if (known?.code === 'throttled') {
    return { http: 429, grpc: GRPC_STATUS.RESOURCE_EXHAUSTED, message: known.message, retryAfterMs }
  }
  // Also what nobody foresaw: the sender keeps its records, and its message tells strangers nothing of our insides.
  const message = known?.retriable === true ? known.message : 'internal error'
  return { http: 503, grpc: GRPC_STATUS.UNAVAILABLE, message, retryAfterMs }
}

/** google.rpc.Status, with google.rpc.RetryInfo as its detail where the sender should come again. */
export function encodeStatus(refusal: Refusal, encoding: Encoding): Buffer {
  const { grpc, message, retryAfterMs } = refusal
  if (encoding === 'json') {
    const retryInfo = {
      '@type': 'type.googleapis.com/google.rpc.RetryInfo',
      retryDelay: `${((retryAfterMs ?? 0) / 1000).toFixed(3)}s`,
    }
    return Buffer.from(
      JSON.stringify({ code: grpc, message, ...(retryAfterMs === undefined ? {} : { details: [retryInfo] }) }),
    )
  }
  const parts = [integer(1, grpc), text(2, message)]
  if (retryAfterMs !== undefined) {
    const duration = [integer(1, Math.floor(retryAfterMs / 1000)), integer(2, (retryAfterMs % 1000) * 1_000_000)]
    const retryInfo = field(1, Buffer.concat(duration))
    parts.push(field(3, Buffer.concat([text(1, 'type.googleapis.com/google.rpc.RetryInfo'), field(2, retryInfo)])))
  }
  return Buffer.concat(parts)
}

const REJECTED_KEYS: Record<Signal, string> = {
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
}

/** Export*ServiceResponse: empty where all is well, else its partial success. */
export function encodeReceipt({ rejected, reason }: Receipt, signal: Signal, encoding: Encoding): Buffer {
  if (encoding === 'json') {
    const partial = { partialSuccess: { [REJECTED_KEYS[signal]]: String(rejected), errorMessage: reason } }
    return Buffer.from(JSON.stringify(rejected === 0 ? {} : partial))
  }
  if (rejected === 0) return Buffer.alloc(0)
  return field(1, Buffer.concat([integer(1, rejected), text(2, reason)]))
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}

function integer(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)])
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value))
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}
