/**
 * What kafkajs 2.2.4 leaves undone of "read committed" (docs/decisions/013-kafkajs-aborted-records.md). A broker sends records of aborted
 * transactions too, and with them a list of those transactions, in the order in which they ended. kafkajs takes the list for sorted by
 * where they began, and at most one of it for each record: where two were open at once, as after a process was killed, it hands out
 * aborted records as committed, or keeps committed ones back.
 */
import { createRequire } from 'node:module'

/** Of a fetch's answer, what matters here; numbers are decimal text. */
export interface FetchedPartition {
  abortedTransactions: AbortedTransaction[] | null
  messages: FetchedRecord[]
}

export interface AbortedTransaction {
  producerId: string
  firstOffset: string
}

export interface FetchedRecord {
  offset: string
  key: Buffer | null
  /** Such records kafkajs passes over, but counts. */
  isControlRecord: boolean
  batchContext: { producerId: string; inTransaction: boolean }
}

interface Broker {
  fetch(request: unknown): Promise<{ responses: { partitions: FetchedPartition[] }[] }>
}

/** In the key of a control record: version, then type, two bytes each. https://kafka.apache.org/documentation/#controlbatch */
const TYPE_AT = 2
const ABORT = 0

let isDone = false

/** From now on no consumer of this process is given a record of an aborted transaction. */
export function hideAbortedRecords(): void {
  if (isDone) return
  isDone = true
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker') as { prototype: Broker }
  const { fetch } = prototype
  prototype.fetch = async function (this: Broker, request) {
    const answer = await fetch.call(this, request)
    for (const { partitions } of answer.responses) for (const partition of partitions) hideAborted(partition)
    return answer
  }
}

/** Marks the records of aborted transactions as such that are passed over, and leaves nothing to do for kafkajs. */
export function hideAborted(partition: FetchedPartition): void {
  const { abortedTransactions, messages } = partition
  if (abortedTransactions === null || abortedTransactions.length === 0) return
  const byStart = [...abortedTransactions].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  const aborted = new Set<string>()
  let begun = 0
  for (const record of messages) {
    const { producerId, inTransaction } = record.batchContext
    for (; begun < byStart.length && Number(byStart[begun]!.firstOffset) <= Number(record.offset); begun += 1) {
      aborted.add(byStart[begun]!.producerId)
    }
    if (!record.isControlRecord) record.isControlRecord = inTransaction && aborted.has(producerId)
    else if (record.key?.readInt16BE(TYPE_AT) === ABORT) aborted.delete(producerId)
  }
  partition.abortedTransactions = []
}
