import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { STOP_MS, Stops } from '../../cli/roles/stops.ts'

describe('parts that are stopped', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const parts = () => {
    const errors: [object, string][] = []
    const stops = new Stops({ error: (facts: object, text: string) => errors.push([facts, text]) } as never)
    const stopped: string[] = []
    const add = (what: string) => stops.add(what, async () => void stopped.push(what))
    return { stops, errors, stopped, add }
  }

  it('are so the other way round, also behind one that fails', async () => {
    const { stops, errors, stopped, add } = parts()
    add('bus')
    stops.add('storage', () => {
      throw new Error('it is stuck')
    })
    add('collector')
    await stops.run()
    expect(stopped).toEqual(['collector', 'bus'])
    expect(errors).toEqual([[{ part: 'storage', error: 'it is stuck' }, 'a part did not stop cleanly']])
  })

  it('are given up by name before Kubernetes kills the process, where one hangs', async () => {
    const { stops, errors, stopped, add } = parts()
    add('bus')
    stops.add('storage', () => new Promise(() => {}))
    add('collector')
    const run = stops.run()
    await vi.advanceTimersByTimeAsync(STOP_MS)
    await run
    expect(STOP_MS).toBeLessThan(30_000)
    expect(stopped).toEqual(['collector'])
    expect(errors).toEqual([
      [{ parts: ['storage', 'bus'] }, 'these parts have not stopped within 25 s and are given up'],
    ])
  })
})
