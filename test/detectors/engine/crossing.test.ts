import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Call } from '../../../core/call.ts'
import { SECOND } from '../../../core/clock.ts'
import { countOnce, countPath, OUTCOMES, type PairWindow, WINDOW_US } from '../../../detectors/window.ts'
import { detect, writeCalls } from '../harness.ts'
import { exchange, START, seeded } from '../world.ts'

const BORDER = START + 6 * WINDOW_US

/** One call whose source's report ends `gapUs` after its destination's, at `end`. */
function pairOfReports(end: number, gapUs: number, change: Partial<Call> = {}): [source: Call, destination: Call] {
  const [source, destination] = exchange('a', 'b', end, seeded(end), { ...change, route: '/r', path: '/r' })
  return [source!, { ...destination!, end: end - gapUs, start: end - gapUs - destination!.durationUs }]
}

async function windowsOf(calls: Call[]): Promise<PairWindow[]> {
  const { windows } = await detect(writeCalls(calls, { blockSeconds: 10 }))
  return windows.sort((a, b) => a.start - b.start)
}

function total(windows: readonly PairWindow[]) {
  const outcomes = OUTCOMES.map((_, at) => windows.reduce((sum, window) => sum + countOnce(window).outcomes[at]!, 0))
  const paths = windows.flatMap((window) => window.paths).reduce((sum, path) => sum + countPath(path), 0)
  return { requests: outcomes.reduce((sum, n) => sum + n, 0), denied: outcomes[OUTCOMES.indexOf('denied')]!, paths }
}

describe("a call whose reports lie on both sides of a window's border", { timeout: 60_000 }, () => {
  test('counts once, in the window of the destination', async () => {
    const windows = await windowsOf(pairOfReports(BORDER + 300, 800))
    expect(windows.map((window) => countOnce(window).requests)).toEqual([1, 0])
    expect(total(windows)).toEqual({ requests: 1, denied: 0, paths: 1 })
  })

  test("counts once where the source's clock is behind", async () => {
    const windows = await windowsOf(pairOfReports(BORDER - 300, -800))
    expect(windows.map((window) => countOnce(window).requests)).toEqual([1, 0])
    expect(total(windows)).toEqual({ requests: 1, denied: 0, paths: 1 })
  })

  test('counts once where the source waits half a minute longer', async () => {
    expect(total(await windowsOf(pairOfReports(BORDER, 31 * SECOND)))).toMatchObject({ requests: 1, paths: 1 })
  })

  test('is denied once, by the destination, and not a failed call besides', async () => {
    const denial = { outcome: 'denied', denialKind: 'rbac', status: 403 } as const
    const report = (end: number, gapUs: number): Call[] => {
      const [source, destination] = pairOfReports(end, gapUs)
      return [
        { ...source, outcome: 'client_error', status: 403 },
        { ...destination, ...denial },
      ]
    }
    expect(total(await windowsOf(report(BORDER + 300, 800)))).toMatchObject({ requests: 1, denied: 1 })
    // The caller's copy came first: a denial is never taken off.
    expect(total(await windowsOf(report(BORDER - 300, -800)))).toMatchObject({ denied: 1 })
  })

  test('of a path among others of a busy pair counts once', async () => {
    const busy = [5, 15].flatMap((s) => pairOfReports(BORDER - WINDOW_US + s * SECOND, 400, { method: 'POST' }))
    const windows = await windowsOf([...busy, ...pairOfReports(BORDER + 300, 800)])
    expect(total(windows)).toEqual({ requests: 3, denied: 0, paths: 3 })
  })

  test('counts once whatever the traffic: as many calls as were made', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(120 * SECOND), gapUs: fc.nat(9 * SECOND) }), { minLength: 1, maxLength: 60 }),
        async (made) => {
          const windows = await windowsOf(made.flatMap(({ at, gapUs }) => pairOfReports(BORDER + at, gapUs)))
          expect(total(windows).requests).toBe(made.length)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a destination', () => {
  const steady = Array.from({ length: 12 * 7 }, (_, i) => pairOfReports(BORDER + i * 1.43 * SECOND, 400))
  const middle = BORDER + 6 * WINDOW_US

  test('that stops reporting loses no call', async () => {
    const calls = steady.flatMap(([source, destination]) => (source.end < middle ? [source, destination] : [source]))
    expect(total(await windowsOf(calls))).toMatchObject({ requests: steady.length, paths: steady.length })
  })

  test('that starts reporting loses no call and doubles none', async () => {
    const calls = steady.flatMap(([source, destination]) => (source.end < middle ? [source] : [source, destination]))
    expect(total(await windowsOf(calls))).toMatchObject({ requests: steady.length, paths: steady.length })
  })

  test('that is called again and again for one call of the source counts each attempt', async () => {
    const calls = steady.flatMap(([source, destination]) => [
      source,
      destination,
      { ...destination, requestId: 'again' },
    ])
    expect(total(await windowsOf(calls))).toMatchObject({ requests: steady.length * 2 })
  })
})
