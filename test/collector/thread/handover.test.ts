import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Handover } from '../../../collector/thread/handover.ts'
import type { Publication } from '../../../core/bus/bus.ts'

const MIB = 1024 * 1024

type Loaded = ReturnType<Handover['load']>

/** As the other thread has it. */
function passed(loaded: Loaded): Loaded {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(loaded, [loaded.memory])
  const { message } = receiveMessageOnPort(port2)!
  port1.close()
  return message
}

const recordOf = (bytes: number, fill = 0): Publication => ({
  topic: 'calls',
  partition: 1,
  value: new Uint8Array(bytes).fill(fill),
})

describe('what one thread hands over to the other', () => {
  it('is what was published, whatever memory it comes in', () => {
    const record = fc.record({
      topic: fc.constantFrom('calls', 'names'),
      partition: fc.nat(3),
      value: fc.uint8Array({ maxLength: 300 }),
    })
    const handover = new Handover()
    fc.assert(
      fc.property(fc.array(record, { maxLength: 10 }), fc.boolean(), (records, isPublished) => {
        const there = passed(handover.load(records))
        expect(there.records).toEqual(records)
        if (isPublished) handover.giveBack(there.memory)
      }),
    )
  })

  it('needs no new memory once the last came back, as long as it is large enough', () => {
    const handover = new Handover()
    const { memory } = handover.load([recordOf(1000)])
    handover.giveBack(memory)
    expect(handover.load([recordOf(600), recordOf(400)]).memory === memory).toBe(true)
    handover.giveBack(memory)
    expect(handover.load([recordOf(memory.byteLength + 1)]).memory === memory).toBe(false)
  })

  it('lies in memory of its own while others are not back', () => {
    const handover = new Handover()
    const [first, second] = [handover.load([recordOf(1000, 1)]), handover.load([recordOf(1000, 2)])]
    expect(first.records[0]!.value.every((byte) => byte === 1)).toBe(true)
    expect(second.records[0]!.value.every((byte) => byte === 2)).toBe(true)
  })

  it('leaves no more than 4 MiB with who has nothing to publish', () => {
    const handover = new Handover()
    const { memory } = handover.load([recordOf(3 * MIB), recordOf(MIB + 1)])
    handover.giveBack(memory)
    expect(handover.load([recordOf(1000)]).memory === memory).toBe(false)
  })
})
