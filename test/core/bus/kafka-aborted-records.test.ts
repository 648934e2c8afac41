import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AbortedTransaction, type FetchedRecord, hideAborted } from '../../../core/bus/kafka/aborted-records.ts'

/** One thing in a partition: a producer's record, or the end of its transaction. */
interface Entry {
  producer: number
  what: 'record' | 'commit' | 'abort' | 'plain'
}

/** The log as a broker has it, and whether a reader may see each record; transactions that stay open are aborted at the end. */
function logOf(entries: readonly Entry[]) {
  const open = new Map<number, FetchedRecord[]>()
  const log: FetchedRecord[] = []
  const visible = new Set<string>()
  const aborted: (AbortedTransaction & { lastOffset: string })[] = []
  const append = (producer: number, isControlRecord: boolean, inTransaction: boolean, type = 0): FetchedRecord => {
    const key = isControlRecord ? Buffer.from([0, 0, 0, type]) : Buffer.from([0, 0, 0, 0])
    const batchContext = { producerId: `${producer}`, inTransaction }
    const record = { offset: `${log.length + 95}`, key, isControlRecord, batchContext }
    log.push(record)
    return record
  }
  const end = (producer: number, isCommit: boolean) => {
    const records = open.get(producer)
    if (records === undefined) return
    open.delete(producer)
    const { offset: lastOffset } = append(producer, true, true, isCommit ? 1 : 0)
    if (isCommit) for (const { offset } of records) visible.add(offset)
    else aborted.push({ producerId: `${producer}`, firstOffset: records[0]!.offset, lastOffset })
  }
  for (const { producer, what } of entries) {
    if (what === 'plain') visible.add(append(producer, false, false).offset)
    else if (what === 'record') open.set(producer, [...(open.get(producer) ?? []), append(producer, false, true)])
    else end(producer, what === 'commit')
  }
  for (const producer of [...open.keys()]) end(producer, false)
  return { log, visible, aborted }
}

const entries = fc.array(
  fc.record({
    producer: fc.nat(3),
    what: fc.constantFrom<Entry['what']>('record', 'record', 'record', 'commit', 'abort', 'plain'),
  }),
  { minLength: 10, maxLength: 40, size: 'max' },
)

describe('records of aborted transactions', () => {
  it('are hidden, and no others, wherever a fetch begins and ends, and in whatever order transactions ended', () => {
    fc.assert(
      fc.property(entries, fc.nat(20), fc.integer({ min: 1, max: 40 }), (list, from, length) => {
        const { log, visible, aborted } = logOf(list)
        const messages = log.slice(from, from + length).map((record) => ({ ...record }))
        // As a broker does: all that may have anything in the range, in the order in which they ended.
        const first = Number(messages[0]?.offset ?? 0)
        const abortedTransactions = aborted.filter(({ lastOffset }) => Number(lastOffset) >= first)
        hideAborted({ messages, abortedTransactions })
        const shown = messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => offset)
        const offsets = new Set(messages.map(({ offset }) => offset))
        expect(shown).toEqual(
          [...visible].filter((offset) => offsets.has(offset)).sort((a, b) => Number(a) - Number(b)),
        )
      }),
      { numRuns: 1000 },
    )
  })
})
