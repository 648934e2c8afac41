import { describe, expect, it } from 'vitest'
import { Front } from '../../../core/bus/kafka/front.ts'

function front(...positions: [partition: number, position: number][]) {
  const one = new Front(new Map(positions))
  const move = async (partition: number, position: number) => {
    one.positions.set(partition, position)
    one.moved()
    await new Promise(setImmediate)
  }
  return { one, move }
}

const ENDS = [
  [0, 5],
  [1, 7],
] as const
const { signal } = new AbortController()

describe('where a reader is', () => {
  it('has reached ends once all partitions have come to them', async () => {
    const { one, move } = front([0, 3], [1, 7])
    let told = false
    one.reached(ENDS, signal).then(() => {
      told = true
    })
    await move(0, 4)
    await move(1, 9)
    expect(told).toBe(false)
    await move(0, 5)
    expect(told).toBe(true)
  })

  it('has reached at once what is behind it', async () => {
    const { one } = front([0, 5], [1, 8])
    await one.reached(ENDS, signal)
  })

  it('is told to each who waits, by his own ends', async () => {
    const { one, move } = front([0, 0], [1, 0])
    const told: string[] = []
    one.reached([[0, 1]], signal).then(() => told.push('first'))
    one.reached([[0, 2]], signal).then(() => told.push('second'))
    await move(0, 1)
    expect(told).toEqual(['first'])
    await move(0, 2)
    expect(told).toEqual(['first', 'second'])
  })

  it('is waited for until the signal aborts', async () => {
    const { one, move } = front([0, 0])
    const stop = new AbortController()
    const waiting = one.reached([[0, 1]], stop.signal)
    stop.abort(new Error('too long'))
    await expect(waiting).rejects.toThrow('too long')
    await move(0, 1)
    await expect(one.reached([[0, 1]], stop.signal)).rejects.toThrow('too long')
  })
})
