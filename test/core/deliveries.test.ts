import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MINUTE } from '../../core/clock.ts'
import { SeenDeliveries } from '../../core/deliveries.ts'

const START = 1_700_000_000_000_000
const idOf = (n: number) => {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32(0, n * 2, true)
  id[8] = 7
  return id
}

type Event = { delivery: number } | { minutes: number }
const log: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ delivery: fc.nat(12) }) },
    { weight: 2, arbitrary: fc.record({ minutes: fc.nat(40).map((tenths) => tenths / 10) }) },
  ),
  { maxLength: 200, size: 'max' },
)

/** The same, said plainly: seen where the last time was at most ten minutes ago, by whole minutes. */
class Model {
  readonly #last = new Map<number, number>()
  seen(delivery: number, minute: number): boolean {
    const last = this.#last.get(delivery)
    this.#last.set(delivery, minute)
    return last !== undefined && minute - last <= 10
  }
}

describe('deliveries seen', () => {
  it('are those of the last ten minutes of log time, also after restarts', () => {
    fc.assert(
      fc.property(log, fc.nat(20), (events, restartEvery) => {
        let seen = new SeenDeliveries()
        const model = new Model()
        let time = START
        seen.advance(time)
        events.forEach((event, i) => {
          if (i % (restartEvery + 1) === restartEvery) seen = SeenDeliveries.restore(seen.snapshot())
          if ('minutes' in event) {
            time += Math.round(event.minutes * MINUTE)
            seen.advance(time)
          } else {
            expect(seen.seen(idOf(event.delivery))).toBe(model.seen(event.delivery, Math.floor(time / MINUTE)))
          }
        })
      }),
    )
  })

  it('before the first tick count as of that tick', () => {
    const seen = new SeenDeliveries()
    expect(seen.seen(idOf(1))).toBe(false)
    seen.advance(START)
    expect(seen.seen(idOf(1))).toBe(true)
  })

  it('are not forgotten by a tick that goes back', () => {
    const seen = new SeenDeliveries()
    seen.advance(START)
    seen.seen(idOf(1))
    seen.advance(START - 60 * MINUTE)
    expect(seen.seen(idOf(1))).toBe(true)
  })

  it('are told apart by the first eight bytes, the lowest bit of the fifth aside', () => {
    const seen = new SeenDeliveries()
    seen.advance(START)
    const ids = Array.from({ length: 64 }, (_, bit) => {
      const id = new Uint8Array(16)
      id[bit >> 3] = 1 << (bit & 7)
      return id
    })
    expect(ids.filter((id) => seen.seen(id))).toEqual([])
    expect(seen.seen(new Uint8Array(16))).toBe(true)
  })

  it('take bounded memory: past a million a minute the oldest go early, and are counted', { timeout: 60_000 }, () => {
    const seen = new SeenDeliveries()
    seen.advance(START)
    const id = new Uint8Array(16)
    const view = new DataView(id.buffer)
    for (let i = 0; i < 3 * 2 ** 20; i += 1) {
      view.setUint32(0, Math.imul(i, 0x9e3779b1), true)
      view.setUint32(4, i * 2, true)
      seen.seen(id)
    }
    expect(seen.overflowed).toBe(2)
    for (let minute = 1; minute <= 30; minute += 1) {
      seen.advance(START + minute * MINUTE)
      seen.seen(id)
    }
    expect(seen.snapshot().length).toBeLessThan(1000)
  })

  it('start empty without a snapshot', () => {
    expect(SeenDeliveries.restore(undefined).seen(idOf(3))).toBe(false)
  })
})
