/**
 * Errors that cross a boundary between parts. The place that knows decides `retriable`; exactly one place (retry.ts) acts on it.
 * Messages name the thing and the limit, and never hold a secret.
 */
export type ErrorCode =
  | 'bus_full' // the log's cap or a required group's lag forbids new records; retriable
  | 'bus_unavailable' // the bus cannot be reached; retriable
  | 'offset_lost' // a group's offset has fallen off the start of the log; stops and alerts
  | 'block_version' // a block of a version this program does not read
  | 'block_corrupt' // bytes that are no block
  | 'bad_input' // a sender's or user's input is wrong
  | 'too_large' // over a stated limit
  | 'throttled' // a sender is over its quota; retriable
  | 'unauthenticated' // a sender or visitor did not prove who it is
  | 'forbidden' // a visitor may not do this
  | 'not_found' // what is asked for is not there
  | 'conflict' // what is asked for makes no sense any more, as things stand
  | 'config' // configuration cannot be used
  | 'store_unavailable' // ClickHouse cannot be reached or is overloaded; retriable
  | 'store_rejected' // ClickHouse refuses the statement; not retriable
  | 'schema_ahead' // the store's schema is newer than this program
  | 'delivery_failed' // a receiver did not take a notification
  | 'address_refused' // an outgoing address the guard does not allow
  | 'port_in_use'
  | 'folder_unusable'

export interface PipelineErrorOptions {
  retriable?: boolean
  cause?: unknown
  /** Earliest time to try again, from a Retry-After or the like. */
  retryAfterMs?: number
}

export class PipelineError extends Error {
  readonly code: ErrorCode
  readonly retriable: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: PipelineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PipelineError'
    this.code = code
    this.retriable = options.retriable ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}

export function isRetriable(error: unknown): boolean {
  return error instanceof PipelineError && error.retriable
}

/** The message of anything thrown, on one line, for logs and wrapped errors. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ')
}
