import { describe, expect, it } from 'vitest'
import { Gathering } from '../../../core/bus/kafka/gathering.ts'

const record = (bytes = 1) => ({ topic: 'out', partition: 0, value: Buffer.alloc(bytes) })
const at = (next: number) => ({ next, keep: next })

function setUp() {
  let now = 0
  const gathering = new Gathering(() => now)
  /** A commit now; what follows is counted from here. */
  gathering.add({ next: 1 }, at(1))
  gathering.take()
  const pass = (ms: number) => {
    now += ms
  }
  return { gathering, pass }
}

describe('what is gathered for one transaction', () => {
  it('is due at once for the first time, and never while there is nothing', () => {
    const gathering = new Gathering(() => 0)
    expect(gathering.dueInMs).toBeUndefined()
    expect(gathering.take()).toBeUndefined()
    gathering.add({ next: 1 }, at(1))
    expect(gathering.dueInMs).toBe(0)
  })

  it('is due a second after the last one; 200 ms after it where something is published', () => {
    const { gathering, pass } = setUp()
    gathering.add({ next: 2 }, at(2))
    expect(gathering.dueInMs).toBe(1000)
    pass(150)
    gathering.add({ next: 3, publish: [record()] }, at(3))
    expect(gathering.dueInMs).toBe(50)
    pass(50)
    expect(gathering.dueInMs).toBe(0)
  })

  it('is due at once where it is large', () => {
    const { gathering } = setUp()
    gathering.add({ next: 2, publish: [record(16 * 1024 * 1024)] }, at(2))
    expect(gathering.dueInMs).toBe(0)
  })

  it('has all records in order, the last write of each key, and the last offsets', () => {
    const { gathering } = setUp()
    const write = (key: string, value: string | null) => ({ key, value: value === null ? null : Buffer.from(value) })
    const [a, b] = [record(1), record(2)]
    gathering.add({ next: 2, publish: [a], state: [write('x', '1'), write('y', '1')] }, { next: 2, keep: 1 })
    gathering.add({ next: 5, publish: [b], state: [write('x', null)] }, { next: 5, keep: 4 })
    expect(gathering.take()).toEqual({
      offsets: { next: 5, keep: 4 },
      publish: [a, b],
      state: [write('x', null), write('y', '1')],
    })
    expect(gathering.take()).toBeUndefined()
  })
})
