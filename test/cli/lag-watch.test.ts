import { describe, expect, it } from 'vitest'
import { LagWatch } from '../../cli/lag-watch.ts'
import { TimeWatch } from '../../cli/time-watch.ts'
import { TroubleWatch } from '../../cli/trouble-watch.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE, SECOND } from '../../core/clock.ts'

function startClock() {
  const clock = { time: 1_800_000_000 * SECOND, now: () => clock.time }
  return clock
}

const CALLS = { topic: TOPIC.calls, partition: 3, group: 'stage1' }
const lag = (committed: number, end: number) => [{ ...CALLS, committed, end }]
const NOT_READY = { ready: false, detail: 'it does not answer' }
const READY = { ready: true, detail: 'answers' }

describe('a group of the bus', () => {
  it('is stuck when it has something to read and has stood still for more than two minutes', () => {
    const clock = startClock()
    const watch = new LagWatch(clock, [CALLS])
    for (let second = 0; second <= 120; second += 1, clock.time += SECOND) {
      expect(watch.check(lag(10, 20 + second)).ready).toBe(true)
    }
    expect(watch.check(lag(10, 500))).toEqual({
      ready: false,
      detail: 'stage1 has not moved for 121 s and has 490 records of eastwatch.calls/3 to read',
    })
    expect(watch.check(lag(11, 500)).ready).toBe(true)
  })

  it('is not where no tick comes: it waits for time with what it has read, and is given time once that goes on', () => {
    const clock = startClock()
    const watch = new LagWatch(clock, [CALLS])
    watch.check(lag(10, 20))
    for (let second = 0; second < 600; second += 5, clock.time += 5 * SECOND) {
      expect(watch.check(lag(10, 20)).ready).toBe(true)
    }
    for (let second = 0; second <= 120; second += 1, clock.time += SECOND) {
      expect(watch.check(lag(10, 21 + second)).ready).toBe(true)
    }
    expect(watch.check(lag(10, 500)).ready).toBe(false)
  })

  it('is, also where nothing comes, of a topic without ticks: there it has nothing to wait for', () => {
    const clock = startClock()
    const watch = new LagWatch(clock, [{ topic: TOPIC.rejected, group: 'storage-rejected' }])
    const one = [{ topic: TOPIC.rejected, partition: 0, group: 'storage-rejected', committed: 0, end: 1 }]
    watch.check(one)
    clock.time += 121 * SECOND
    expect(watch.check(one).ready).toBe(false)
  })

  it('is not where there is nothing to read', () => {
    const clock = startClock()
    const watch = new LagWatch(clock, [CALLS])
    watch.check(lag(20, 20))
    clock.time += 60 * MINUTE
    expect(watch.check(lag(20, 20)).ready).toBe(true)
    expect(watch.check(lag(20, 21)).ready).toBe(true)
  })

  it('is not where it is none of those that must go on, and is missed where nobody reads as it', () => {
    const clock = startClock()
    const watch = new LagWatch(clock, [{ topic: 'findings', group: 'incidents' }])
    watch.check(lag(10, 20))
    clock.time += 2 * MINUTE
    expect(watch.check(lag(10, 500)).ready).toBe(true)
    clock.time += SECOND
    expect(watch.check(lag(10, 500))).toEqual({
      ready: false,
      detail: 'nobody has begun to read as incidents of findings: start the role that does',
    })
    expect(watch.check([{ ...lag(0, 0)[0]!, topic: 'findings', group: 'incidents' }]).ready).toBe(true)
  })
})

describe("the log's time", () => {
  it('stands still when nothing has come to the end for more than two minutes, from the start on', () => {
    const clock = startClock()
    const watch = new TimeWatch(clock)
    clock.time += 2 * MINUTE
    expect(watch.check(0).ready).toBe(true)
    clock.time += SECOND
    expect(watch.check(0)).toMatchObject({ ready: false, detail: expect.stringContaining('no window is judged') })
    expect(watch.check(1_000_000).ready).toBe(true)
    clock.time += 121 * SECOND
    expect(watch.check(1_000_000).ready).toBe(false)
  })
})

describe('a part that is not ready', () => {
  it('is told after a minute, once in the span of a finding, and anew when it was ready between', () => {
    const clock = startClock()
    const watch = new TroubleWatch(clock)
    const kinds = (parts: object) =>
      watch.observe(parts as never, clock.time).map(({ evidence }) => evidence.facts.subject)
    expect(kinds({ store: NOT_READY, bus: READY })).toEqual([])
    clock.time += MINUTE
    expect(watch.observe({ store: NOT_READY, bus: READY }, clock.time)).toMatchObject([
      {
        detector: 'pipeline',
        kind: 'part_not_ready',
        severity: 'high',
        summary: 'Eastwatch does not do its work (store): it does not answer',
      },
    ])
    clock.time += MINUTE
    expect(kinds({ store: NOT_READY, bus: READY })).toEqual([])
    clock.time += 10 * MINUTE
    expect(kinds({ store: NOT_READY, bus: READY })).toEqual(['store'])
    expect(kinds({ store: READY, bus: READY })).toEqual([])
    expect(kinds({ store: NOT_READY, bus: READY })).toEqual([])
    clock.time += MINUTE
    expect(kinds({ store: NOT_READY, bus: READY })).toEqual(['store'])
  })
})
