import { describe, expect, it } from 'vitest'
import { PipelineError } from '../../core/errors.ts'
import { backoffMs, retry } from '../../core/retry.ts'

const later = (retryAfterMs?: number) =>
  new PipelineError('store_unavailable', 'later', {
    retriable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
const limits = { firstMs: 100, maxMs: 1000, jitter: 0 }

describe('back-off', () => {
  it('doubles up to its limit, and is jittered downwards', () => {
    expect([1, 2, 3, 4, 5, 1000].map((attempt) => backoffMs(attempt, limits))).toEqual([100, 200, 400, 800, 1000, 1000])
    expect(backoffMs(2, { firstMs: 100, maxMs: 1000, jitter: 0.5 }, () => 1)).toBe(100)
    expect(backoffMs(2, { firstMs: 100, maxMs: 1000 }, () => 0.5)).toBe(180)
  })
})

describe('retry', () => {
  /** Pauses between the failures of `work`, and how it ended. */
  async function run(failures: unknown[], signal = new AbortController().signal) {
    const pauses: number[] = []
    const result = await retry(
      async () => {
        if (failures.length > 0) throw failures.shift()
        return 'done'
      },
      { firstMs: 1, maxMs: 4, jitter: 0, signal, onRetry: (_error, _attempt, pauseMs) => pauses.push(pauseMs) },
    ).catch((error) => error)
    return { pauses, result }
  }

  it('repeats what is retriable until it succeeds', async () => {
    expect(await run([later(), later(), later(), later()])).toEqual({ pauses: [1, 2, 4, 4], result: 'done' })
  })

  it('waits as long as it was asked to', async () => {
    expect((await run([later(30)])).pauses).toEqual([30])
  })

  it('gives up at once on what is not', async () => {
    const fatal = new PipelineError('store_rejected', 'no')
    expect(await run([later(), fatal])).toEqual({ pauses: [1], result: fatal })
    const bug = new TypeError('bug')
    expect((await run([bug])).result).toBe(bug)
  })

  it('does not begin, and does not wait, where the signal has aborted', async () => {
    const reason = new Error('stop')
    expect((await run([], AbortSignal.abort(reason))).result).toBe(reason)
    const stop = new AbortController()
    const waiting = run([later(3_600_000)], stop.signal)
    await new Promise(setImmediate)
    stop.abort(reason)
    expect(((await waiting).result as Error).name).toBe('AbortError')
  })

  it('tells of no try again where the signal aborted during the work', async () => {
    const reason = new Error('stop')
    const stop = new AbortController()
    const told: unknown[] = []
    const result = await retry(
      async () => {
        stop.abort(reason)
        throw later()
      },
      { firstMs: 1, maxMs: 4, signal: stop.signal, onRetry: (error) => told.push(error) },
    ).catch((error) => error)
    expect(result).toBe(reason)
    expect(told).toEqual([])
  })
})
