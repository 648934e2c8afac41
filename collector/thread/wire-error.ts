/** Errors on their way from thread to thread: a clone of an Error loses what it says beside its message. */
import { type ErrorCode, messageOf, PipelineError } from '../../core/errors.ts'

export interface WireError {
  message: string
  /** undefined for anything but a PipelineError. */
  code: ErrorCode | undefined
  retriable: boolean
  retryAfterMs: number | undefined
}

export function toWire(error: unknown): WireError {
  if (!(error instanceof PipelineError)) {
    return { message: messageOf(error), code: undefined, retriable: false, retryAfterMs: undefined }
  }
  const { message, code, retriable, retryAfterMs } = error
  return { message, code, retriable, retryAfterMs }
}

export function fromWire({ message, code, retriable, retryAfterMs }: WireError): Error {
  if (code === undefined) return new Error(message)
  return new PipelineError(code, message, { retriable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}
