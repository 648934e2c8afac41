import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sends } from '../../../core/bus/kafka/sends.ts'

const MIB = 1024 * 1024
const LIMIT = 16 * MIB

describe('requests to the broker', () => {
  it('hold at most a thousand messages each, of all topics together', () => {
    const sends = new Sends()
    for (let i = 0; i < 2500; i += 1) sends.add(`${i % 3}`, { partition: 0, value: Buffer.alloc(1) })
    const counts = [...sends].map((topics) => topics.reduce((sum, { messages }) => sum + messages.length, 0))
    expect(counts).toEqual([1000, 1000, 500])
  })

  it('hold at most 16 MiB each, or one longer message, and keep the order of each topic and partition', () => {
    const message = fc.record({
      topic: fc.constantFrom('a', 'b'),
      partition: fc.nat(2),
      bytes: fc.oneof(fc.nat(1000), fc.integer({ min: MIB, max: 20 * MIB })),
    })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const sends = new Sends()
        messages.forEach(({ topic, partition, bytes }, i) => {
          // Only lengths are looked at: no memory of that size is taken.
          sends.add(topic, { partition, key: '', value: { length: bytes, i } as unknown as Buffer })
        })
        const requests = [...sends].map((topics) =>
          topics.flatMap(({ topic, messages }) => messages.map((one) => ({ ...one, topic }))),
        )
        for (const request of requests) {
          const bytes = request.reduce((sum, { value }) => sum + value!.length, 0)
          expect(bytes <= LIMIT || request.length === 1).toBe(true)
        }
        const orderOf = (list: { topic: string; partition?: number; i: number }[]) =>
          ['a', 'b'].map((topic) =>
            [0, 1, 2].map((partition) =>
              list.filter((one) => one.topic === topic && one.partition === partition).map(({ i }) => i),
            ),
          )
        const sent = requests.flat().map(({ topic, partition, value }) => ({
          topic,
          partition: partition!,
          i: (value as unknown as { i: number }).i,
        }))
        expect(orderOf(sent)).toEqual(orderOf(messages.map((one, i) => ({ ...one, i }))))
      }),
    )
  })
})
