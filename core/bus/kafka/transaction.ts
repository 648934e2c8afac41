import type { Producer, Transaction } from 'kafkajs'
import { PipelineError } from '../../errors.ts'
import { settlesWithin } from '../../waiting.ts'

/**
 * The broker then ends a transaction that its producer has not. Until that, or until its partition has a new owner, nobody is given what lies
 * behind it in any partition that it wrote to: others wait for a process that stands still in the middle of one.
 */
export const TRANSACTION_TIMEOUT_MS = 30_000

/**
 * All that `work` sends, or nothing. Throws what `work` or the commit throws, and `bus_unavailable` once the broker has given it up; the
 * producer is then not to be used again.
 */
export async function inTransaction<T>(producer: Producer, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const ended = transact(producer, work)
  if (await settlesWithin(ended, TRANSACTION_TIMEOUT_MS)) return ended
  const message = `Kafka: a transaction did not end within ${TRANSACTION_TIMEOUT_MS / 1000} s`
  throw new PipelineError('bus_unavailable', message, { retriable: true })
}

async function transact<T>(producer: Producer, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const transaction = await producer.transaction()
  try {
    const result = await work(transaction)
    await transaction.commit()
    return result
  } catch (error) {
    await transaction.abort().catch(() => {
      // Its owner begins anew, which ends it.
    })
    throw error
  }
}
