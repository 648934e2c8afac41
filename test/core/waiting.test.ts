import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { settlesWithin, unlessAborted } from '../../core/waiting.ts'

const never = new Promise<never>(() => {})

describe('waiting for work', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('ends with the work, however that ends, and leaves no timer', async () => {
    expect(await settlesWithin(Promise.resolve(1), 1000)).toBe(true)
    expect(await settlesWithin(Promise.reject(new Error('no')), 1000)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends with its time', async () => {
    const waited = settlesWithin(never, 1000)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await waited).toBe(false)
  })

  it('ends with the signal, also one that has aborted before', async () => {
    const stop = new AbortController()
    const waited = unlessAborted(stop.signal, never)
    stop.abort(new Error('stopped'))
    await expect(waited).rejects.toThrow('stopped')
    await expect(unlessAborted(stop.signal, never)).rejects.toThrow('stopped')
    expect(await unlessAborted(new AbortController().signal, Promise.resolve(7))).toBe(7)
  })
})
