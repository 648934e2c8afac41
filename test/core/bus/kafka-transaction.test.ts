import type { Producer } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { inTransaction, TRANSACTION_TIMEOUT_MS } from '../../../core/bus/kafka/transaction.ts'

describe('a transaction', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('that does not end before the broker gives it up is begun anew, and not waited for', async () => {
    const commit = () => new Promise<void>(() => {})
    const producer = { transaction: async () => ({ commit, abort: async () => {} }) } as unknown as Producer
    const ended = inTransaction(producer, async () => {})
    const outcome = expect(ended).rejects.toMatchObject({
      code: 'bus_unavailable',
      retriable: true,
      message: 'Kafka: a transaction did not end within 30 s',
    })
    await vi.advanceTimersByTimeAsync(TRANSACTION_TIMEOUT_MS)
    await outcome
  })
})
