import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { StartProgress } from '../../cli/progress.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function started(terminal: boolean, ms: number): string[] {
  const written: string[] = []
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  const progress = new StartProgress({ terminal, out: (text) => written.push(text) })
  progress.enter('starting the store')
  for (let at = 0; at <= ms; at += 100) {
    now.mockReturnValue(at)
    vi.advanceTimersByTime(100)
  }
  progress.end()
  vi.advanceTimersByTime(10_000)
  now.mockRestore()
  return written
}

it('a start of less than two seconds draws nothing', () => {
  expect(started(true, 1900)).toEqual([])
})

it('a longer one draws what it is at on a terminal, and clears the line at its end', () => {
  const written = started(true, 3500)
  expect(written[0]).toBe('\r\u001b[2KStarting for 2 s: starting the store ...')
  expect(written.at(-1)).toBe('\r\u001b[2K')
})

it('elsewhere nothing is drawn', () => {
  expect(started(false, 60_000)).toEqual([])
})
