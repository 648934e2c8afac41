import { createRequire } from 'node:module'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { spareKafkajsCosts } from '../../../core/bus/kafka/kafkajs-costs.ts'

const require = createRequire(import.meta.url)

interface Queue {
  push(request: { entry: { correlationId: number }; expectResponse: boolean; sendRequest: () => void }): void
  fulfillRequest(answer: { correlationId: number; payload: Buffer; size: number }): void
  maybeThrottle(ms: number): void
}

function newQueue(): Queue {
  const RequestQueue = require('kafkajs/src/network/requestQueue') as new (options: unknown) => Queue
  const logger = { debug: () => {}, warn: () => {}, namespace: () => logger }
  return new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1000, logger, isConnected: () => true })
}

const requestOf = (correlationId: number, sendRequest: () => void) => ({
  entry: { correlationId, apiKey: 0, apiName: 'Produce', apiVersion: 3, resolve: () => {}, reject: () => {} },
  expectResponse: true,
  sendRequest,
})
const answerOf = (correlationId: number) => ({ correlationId, payload: Buffer.alloc(0), size: 0 })

describe("kafkajs's costs", () => {
  spareKafkajsCosts()
  afterEach(() => {
    vi.useRealTimers()
  })

  it('do not include a timer where no request waits', () => {
    vi.useFakeTimers()
    const queue = newQueue()
    queue.push(requestOf(1, () => {}))
    queue.fulfillRequest(answerOf(1))
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leave a waiting request sent: when another is answered, and when a throttle ends', () => {
    vi.useFakeTimers()
    const queue = newQueue()
    const sent: number[] = []
    for (const id of [1, 2]) queue.push(requestOf(id, () => sent.push(id)))
    expect(sent).toEqual([1])
    queue.fulfillRequest(answerOf(1))
    expect(sent).toEqual([1, 2])
    queue.fulfillRequest(answerOf(2))
    queue.maybeThrottle(500)
    queue.push(requestOf(3, () => sent.push(3)))
    vi.advanceTimersByTime(400)
    expect(sent).toEqual([1, 2])
    vi.advanceTimersByTime(200)
    expect(sent).toEqual([1, 2, 3])
  })
})
