import { setTimeout as delay } from 'node:timers/promises'
import { isRetriable, PipelineError } from './errors.ts'

export interface BackoffOptions {
  firstMs: number
  maxMs: number
  /** Randomness of each pause as a share of it, so that many clients do not return at once. */
  jitter?: number
}

/** Pause before attempt `attempt` (1 = after the first failure): doubling, capped, jittered downwards. */
export function backoffMs(attempt: number, options: BackoffOptions, random: () => number = Math.random): number {
  const full = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt - 1, 30))
  return full * (1 - (options.jitter ?? 0.2) * random())
}

export interface RetryOptions extends BackoffOptions {
  signal: AbortSignal
  /** Told of each failure that will be tried again. */
  onRetry?: (error: unknown, attempt: number, pauseMs: number) => void
}

/**
 * Runs `work` until it succeeds, a non-retriable error is thrown, or the signal aborts (then the signal's reason is thrown).
 * The only place in the program that repeats a failed step.
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isRetriable(error)) throw error
      options.signal.throwIfAborted()
      const asked = error instanceof PipelineError ? (error.retryAfterMs ?? 0) : 0
      const pauseMs = Math.max(asked, backoffMs(attempt, options))
      options.onRetry?.(error, attempt, pauseMs)
      await delay(pauseMs, undefined, { signal: options.signal })
    }
  }
}
