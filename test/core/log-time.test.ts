import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../core/clock.ts'
import { LogTime } from '../../core/log-time.ts'

const START = 1_700_000_000 * SECOND

/** Ticks of producers whose clocks are off by so much, one a second each, for so many seconds; gives how far time came. */
function run(logTime: LogTime, offsets: Record<string, number>, from: number, seconds: number): number {
  const before = logTime.time
  for (let second = from; second < from + seconds; second += 1) {
    for (const [producer, off] of Object.entries(offsets)) {
      logTime.observe({ producer, seq: second, time: START + second * SECOND + off, leave: false })
    }
  }
  return logTime.time - before
}

describe('the time of a log', () => {
  it('is 0 before the first tick, and that tick’s from then on', () => {
    const logTime = new LogTime()
    expect(logTime.time).toBe(0)
    logTime.observe({ producer: 'a', seq: 1, time: START, leave: false })
    expect(logTime.time).toBe(START)
  })

  it('passes as time does, however far clocks are apart', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: -20 * MINUTE, max: 20 * MINUTE }), {
          minKeys: 1,
        }),
        fc.integer({ min: 1, max: 100 }),
        (offsets, seconds) => {
          const logTime = new LogTime()
          run(logTime, offsets, 0, 1)
          expect(run(logTime, offsets, 1, seconds)).toBe(seconds * SECOND)
        },
      ),
    )
  })

  it('goes on at once when one whose clock was ahead has gone, with a word or without', () => {
    for (const says of [true, false]) {
      const logTime = new LogTime()
      run(logTime, { ahead: 10 * MINUTE, right: 0 }, 0, 30)
      if (says) logTime.observe({ producer: 'ahead', seq: 30, time: START + 30 * SECOND + 10 * MINUTE, leave: true })
      // The last word of the one ahead counts as the next second does.
      expect(run(logTime, { right: 0 }, 30, 10)).toBe((says ? 9 : 10) * SECOND)
    }
  })

  it('passes as time does where ticks come with windows, ten seconds apart, or two at once', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(10, 20), { minLength: 1, maxLength: 50 }), (steps) => {
        const logTime = new LogTime()
        let second = 0
        for (const [seq, step] of [0, ...steps].entries()) {
          second += step
          logTime.observe({ producer: 'stage1/0', seq, time: START + second * SECOND, leave: false })
        }
        expect(logTime.time).toBe(START + second * SECOND)
      }),
    )
  })

  it('goes on when all clocks are set, by half a minute at most', () => {
    const logTime = new LogTime()
    run(logTime, { a: 0 }, 0, 10)
    expect(run(logTime, { a: 10 * MINUTE }, 10, 1)).toBe(30 * SECOND)
    expect(run(logTime, { a: 0 }, 11, 1)).toBe(0)
    expect(run(logTime, { a: 0 }, 12, 3)).toBe(3 * SECOND)
  })

  it('takes no tick twice', () => {
    const logTime = new LogTime()
    run(logTime, { a: 0 }, 0, 10)
    expect(run(logTime, { a: 0 }, 5, 5)).toBe(0)
  })

  it('goes on from a snapshot as if nothing had been', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            producer: fc.constantFrom('a', 'b', 'c'),
            seq: fc.nat(50),
            time: fc.nat(10 * MINUTE).map((us) => START + us),
            leave: fc.boolean(),
          }),
          { maxLength: 60 },
        ),
        (ticks) => {
          const one = new LogTime()
          let other = new LogTime()
          for (const tick of ticks) {
            other = LogTime.restore(JSON.parse(JSON.stringify(other.snapshot())))
            one.observe(tick)
            other.observe(tick)
            expect(other.time).toBe(one.time)
          }
        },
      ),
    )
  })

  it('keeps nothing of producers long gone', () => {
    const logTime = new LogTime()
    for (let i = 0; i < 100; i += 1) logTime.observe({ producer: `gone-${i}`, seq: 1, time: START, leave: false })
    run(logTime, { a: 0 }, 0, 700)
    expect(logTime.snapshot().producers.map(({ producer }) => producer)).toEqual(['a'])
  })
})
