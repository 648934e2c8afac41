import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tick } from '../../core/tick.ts'
import { Watermark, type WatermarkOptions } from '../../core/watermark.ts'

const S = 1_000_000
const LATENESS = 10 * S

/** A log of ticks written as `producer time` in seconds; `!` leaves. Sequence numbers rise by themselves. */
function feed(watermark: Watermark, ...lines: string[]) {
  return lines.map((line) => {
    const [producer, at, leave] = line.split(' ') as [string, string, string?]
    seq += 1
    return watermark.observe({ producer, seq, time: Number(at) * S, leave: leave === '!' })
  })
}
let seq = 0

const open = (options: Partial<WatermarkOptions> = {}) => new Watermark({ latenessUs: LATENESS, ...options })

describe('watermark of collectors', () => {
  it('is the least of the newest times, less the lateness', () => {
    const watermark = open()
    expect(watermark.time).toBe(Number.NEGATIVE_INFINITY)
    feed(watermark, 'a 100', 'b 103', 'a 104')
    expect(watermark.time).toBe(93 * S)
  })

  it('never goes back, neither for a tick that does nor for a producer that joins behind', () => {
    const watermark = open()
    expect(feed(watermark, 'a 100', 'a 90', 'b 50').map(({ advanced }) => advanced)).toEqual([true, false, false])
    expect(watermark.time).toBe(90 * S)
  })

  it('ignores a repeated tick and one that is older', () => {
    const watermark = open()
    watermark.observe({ producer: 'a', seq: 5, time: 100 * S, leave: false })
    expect(watermark.observe({ producer: 'a', seq: 5, time: 200 * S, leave: false }).advanced).toBe(false)
    expect(watermark.observe({ producer: 'a', seq: 4, time: 200 * S, leave: true }).advanced).toBe(false)
    expect(watermark.time).toBe(90 * S)
  })

  it('goes on without one that left', () => {
    const watermark = open()
    const [, , left] = feed(watermark, 'a 100', 'b 200', 'a 100 !')
    expect(left?.advanced).toBe(true)
    expect(watermark.time).toBe(190 * S)
  })

  it('drops one that is silent while every other ticks 30 times', () => {
    const watermark = open()
    feed(watermark, 'a 100', 'b 100')
    for (let i = 1; i < 29; i += 1) feed(watermark, `b ${100 + i}`)
    expect(watermark.time).toBe(90 * S)
    expect(feed(watermark, 'b 130')[0]).toMatchObject({ dropped: ['a'], advanced: true })
    expect(watermark.time).toBe(120 * S)
  })

  it('waits while one other has not ticked 30 times', () => {
    const watermark = open()
    feed(watermark, 'a 100', 'b 100', 'c 100')
    for (let i = 1; i <= 40; i += 1) feed(watermark, 'b 101', ...(i <= 25 ? ['c 101'] : []))
    expect(watermark.time).toBe(90 * S)
  })

  it('drops two that died together', () => {
    const watermark = open()
    feed(watermark, 'a 100', 'b 100', 'c 100', 'a 101', 'b 101')
    for (let i = 1; i <= 29; i += 1) feed(watermark, `c ${100 + i}`)
    expect(feed(watermark, 'c 131')[0]?.dropped).toEqual(['a', 'b'])
    expect(watermark.time).toBe(121 * S)
  })

  it('never drops the only one', () => {
    const watermark = open()
    for (let i = 0; i < 100; i += 1) expect(feed(watermark, `a ${i}`)[0]?.dropped).toEqual([])
    expect(watermark.time).toBe(89 * S)
  })

  it('of three, gives no vote to one 5 s off the median, and says so', () => {
    const watermark = open()
    feed(watermark, 'a 100', 'b 100')
    expect(feed(watermark, 'c 94.9')[0]?.outvoted).toBe(true)
    feed(watermark, 'a 101', 'b 101')
    expect(watermark.time).toBe(91 * S)
    expect(feed(watermark, 'c 500')[0]?.outvoted).toBe(true)
    expect(feed(watermark, 'c 102')[0]?.outvoted).toBe(false)
  })

  it('of two, both have a vote', () => {
    const watermark = open()
    expect(feed(watermark, 'a 100', 'b 10').every(({ outvoted }) => !outvoted)).toBe(true)
  })
})

describe('watermark of a fixed set', () => {
  it('is there when each has ticked; none leaves, others are ignored', () => {
    const watermark = open({ latenessUs: 0, producers: ['a', 'b', 'c'] })
    feed(watermark, 'a 100', 'x 5', 'b 90')
    expect(watermark.time).toBe(Number.NEGATIVE_INFINITY)
    expect(feed(watermark, 'c 50')[0]).toEqual({ advanced: true, outvoted: false, dropped: [] })
    for (let i = 0; i < 50; i += 1) feed(watermark, 'a 200', 'b 200')
    expect(watermark.time).toBe(50 * S)
  })
})

const tick: fc.Arbitrary<Tick> = fc.record({
  producer: fc.constantFrom('a', 'b', 'c', 'd'),
  seq: fc.nat(400),
  time: fc.nat(100).map((seconds) => seconds * S),
  leave: fc.boolean().map((leave) => leave),
})

/** Mostly orderly logs: sequence numbers and times rise by place. */
const log = fc.array(tick, { maxLength: 300, size: 'max' }).map((ticks) =>
  ticks.map((one, i) => ({
    ...one,
    seq: i,
    time: i * S + (one.time % (7 * S)),
    leave: one.leave && one.seq % 8 === 0,
  })),
)

describe('watermark of any log', () => {
  it('is the same after a restart at any point', () => {
    fc.assert(
      fc.property(fc.oneof(log, fc.array(tick)), fc.nat(300), fc.boolean(), (ticks, cut, fixed) => {
        const options = { latenessUs: LATENESS, ...(fixed ? { producers: ['a', 'b'] } : {}) }
        const whole = new Watermark(options)
        let restarted = new Watermark(options)
        ticks.forEach((one, i) => {
          if (i === cut) {
            const snapshot = JSON.parse(JSON.stringify(restarted.snapshot()))
            restarted = new Watermark(options)
            restarted.restore(snapshot)
          }
          expect(restarted.observe(one)).toEqual(whole.observe(one))
          expect(restarted.time).toBe(whole.time)
        })
      }),
    )
  })

  it('never falls, and never passes the newest time less the lateness', () => {
    fc.assert(
      fc.property(fc.oneof(log, fc.array(tick)), (ticks) => {
        const watermark = open()
        let newest = Number.NEGATIVE_INFINITY
        let before = watermark.time
        for (const one of ticks) {
          const { advanced } = watermark.observe(one)
          newest = Math.max(newest, one.time)
          expect(watermark.time >= before).toBe(true)
          expect(advanced).toBe(watermark.time > before)
          expect(watermark.time <= newest - LATENESS).toBe(true)
          before = watermark.time
        }
      }),
    )
  })

  it('drops exactly those since whose last tick all that remain have ticked 30 times', () => {
    const run = fc.record({
      producer: fc.constantFrom('a', 'b', 'c'),
      ticks: fc.integer({ min: 1, max: 40 }),
      leave: fc.boolean(),
    })
    const chorus = fc.record({
      producers: fc.shuffledSubarray(['a', 'b', 'c', 'd']),
      rounds: fc.integer({ min: 1, max: 35 }),
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(run, chorus), { maxLength: 12, size: 'max' }), (parts) => {
        const ticks = parts.flatMap((part) =>
          'ticks' in part
            ? Array.from({ length: part.ticks }, (_, i) => ({
                producer: part.producer,
                leave: part.leave && i === part.ticks - 1,
              }))
            : Array.from({ length: part.rounds }, () =>
                part.producers.map((producer) => ({ producer, leave: false })),
              ).flat(),
        )
        const watermark = open()
        const model = new SilenceModel()
        ticks.forEach(({ producer, leave }, i) => {
          expect(watermark.observe({ producer, leave, seq: i, time: i }).dropped).toEqual(
            model.observe(producer, leave),
          )
        })
      }),
    )
  })
})

/** Silence by its definition, from the whole log. */
class SilenceModel {
  readonly #log: string[] = []
  readonly #live = new Map<string, number>()

  observe(producer: string, leave: boolean): string[] {
    this.#live.delete(producer)
    if (leave) return []
    this.#live.set(producer, this.#log.push(producer) - 1)
    const live = [...this.#live].sort(([, a], [, b]) => a - b)
    for (let count = live.length - 1; count > 0; count -= 1) {
      const after = this.#log.slice(live[count - 1]![1] + 1)
      if (!live.slice(count).every(([name]) => after.filter((one) => one === name).length >= 30)) continue
      const dropped = live.slice(0, count).map(([name]) => name)
      for (const name of dropped) this.#live.delete(name)
      return dropped
    }
    return []
  }
}
