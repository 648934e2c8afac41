import { createRequire } from 'node:module'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { spareKafkajsCosts } from '../../../core/bus/kafka/kafkajs-costs.ts'
import type { ProduceRequest } from '../../../core/bus/kafka/produce-request.ts'

const require = createRequire(import.meta.url)

interface Protocol {
  request: { encode(): Promise<unknown> }
  response: { decode(answer: Buffer): Promise<unknown> }
}

const produce = require('kafkajs/src/protocol/requests/produce') as {
  versions: string[]
  protocol(options: { version: number }): (request: ProduceRequest) => Protocol
}
const createRequest = require('kafkajs/src/protocol/request') as (options: {
  correlationId: number
  clientId: string
  request: unknown
}) => Promise<{ buffer: Buffer }>

/** As kafkajs writes it by itself, whatever stands in its place. */
function byKafkajs(version: number, options: ProduceRequest): unknown {
  return (require(`kafkajs/src/protocol/requests/produce/v${version}/request`) as (options: ProduceRequest) => unknown)(
    options,
  )
}

const sentAs = async (request: unknown, clientId = 'eastwatch') =>
  (await createRequest({ correlationId: 77, clientId, request })).buffer

const bytes = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)) },
  { weight: 8, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
  // Lengths at which a length takes another byte.
  { weight: 4, arbitrary: fc.constantFrom(0, 63, 64, 8191, 8192).map((length) => Buffer.alloc(length, length)) },
  { weight: 1, arbitrary: fc.constantFrom(1_048_575, 1_048_576).map((length) => Buffer.alloc(length, length)) },
)
const message = fc.record(
  { value: fc.option(bytes), key: fc.option(bytes) },
  { requiredKeys: ['value'] },
) as fc.Arbitrary<{ value: Buffer | string | null; key?: Buffer | string | null }>
const partition = fc.record({
  partition: fc.nat(1000),
  firstSequence: fc.nat(2 ** 31 - 1),
  messages: fc.array(message, { minLength: 1, maxLength: 70 }),
})
const plain: fc.Arbitrary<ProduceRequest> = fc
  .record(
    {
      acks: fc.constantFrom(-1, 1),
      timeout: fc.nat(60_000),
      compression: fc.constant(0),
      transactionalId: fc.string({ maxLength: 60 }),
      producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
      producerEpoch: fc.nat(32_767),
      topicData: fc.array(fc.record({ topic: fc.string(), partitions: fc.array(partition, { maxLength: 4 }) }), {
        maxLength: 3,
      }),
    },
    { requiredKeys: ['acks', 'timeout', 'topicData'] },
  )
  .map((request) => request as ProduceRequest)

const requestOf = (value: Buffer): ProduceRequest => ({
  acks: -1,
  timeout: 30_000,
  producerId: '7',
  topicData: [{ topic: 'calls', partitions: [{ partition: 0, messages: [{ value }] }] }],
})

describe('produce requests that are written in place', () => {
  spareKafkajsCosts()
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('are those that kafkajs writes, byte for byte, in every version', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_795_296_000_123)
    // Another kafkajs may speak other versions, and is to be looked at.
    expect(produce.versions.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    // Of 50 and more characters there is not room for all that comes before.
    const clientId = fc.oneof(
      fc.constant('eastwatch'),
      fc.integer({ min: 48, max: 56 }).map((length) => 'x'.repeat(length)),
      fc.string({ maxLength: 100 }),
    )
    await fc.assert(
      fc.asyncProperty(plain, fc.integer({ min: 3, max: 7 }), clientId, async (options, version, id) => {
        const { request, response } = produce.protocol({ version })(options)
        const sent = await sentAs(request, id)
        expect(sent.equals(await sentAs(byKafkajs(version, options), id))).toBe(true)
        // The next is written into the same memory.
        await response.decode(Buffer.alloc(100)).catch(() => {})
      }),
      { numRuns: 100 },
    )
  })

  it('are written by kafkajs itself where a message has more than key and value', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_795_296_000_123)
    const value = Buffer.from('value')
    const others = [
      { value, headers: { a: 'b' } },
      { value, timestamp: '1795296000000' },
    ]
    for (const message of others) {
      const options = requestOf(value)
      options.topicData[0]!.partitions[0]!.messages = [message]
      const sent = await sentAs(produce.protocol({ version: 7 })(options).request)
      expect(sent.equals(await sentAs(byKafkajs(7, options)))).toBe(true)
    }
    const compressed = { ...requestOf(value), compression: 1 }
    const sent = await sentAs(produce.protocol({ version: 7 })(compressed).request)
    expect(sent.equals(await sentAs(byKafkajs(7, compressed)))).toBe(true)
  })

  it('lie in memory of their own until they are answered, and leave it to the next one then', async () => {
    const send = async (fill: number) => {
      const { request, response } = produce.protocol({ version: 7 })(requestOf(Buffer.alloc(100_000, fill)))
      return { sent: await sentAs(request), answered: () => response.decode(Buffer.alloc(100)).catch(() => {}) }
    }
    const [first, second] = [await send(1), await send(2)]
    expect(first.sent.buffer === second.sent.buffer).toBe(false)
    expect(first.sent.includes(Buffer.alloc(100_000, 1))).toBe(true)
    await second.answered()
    const third = await send(3)
    expect(third.sent.buffer === second.sent.buffer).toBe(true)
    expect(first.sent.includes(Buffer.alloc(100_000, 1))).toBe(true)
    // Of what nobody answered nothing is written over.
    const fourth = await send(4)
    expect(fourth.sent.buffer === third.sent.buffer).toBe(false)
  })
})
