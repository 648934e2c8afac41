import type { Producer, Transaction } from 'kafkajs'

/** All that `work` sends, or nothing. Throws what `work` or the commit throws; the producer is then not to be used again. */
export async function inTransaction<T>(producer: Producer, work: (transaction: Transaction) => Promise<T>): Promise<T> {
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
