import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PER_ROW } from '../../../core/block/call-rows.ts'
import { VARIANT_COLUMNS } from '../../../core/block/variants.ts'
import { Block, CallRows, encodeBlock, encodeRows, RowIds } from '../../../core/block.ts'
import { CALL_COLUMNS, type Call, emptyCall } from '../../../core/call.ts'

const id = Buffer.alloc(16, 7)
const text = fc.oneof(fc.constantFrom('', 'a', 'shop', 'x'.repeat(50)), fc.string({ maxLength: 20 }))
const number = fc.oneof(fc.nat(), fc.constantFrom(0, -1, 2 ** 53, Number.NaN))

/** Columns that only a new object may have otherwise. */
const own = fc.record({ method: text, tlsDetail: text, status: fc.nat(999), weight: fc.nat(9) })
/** Columns in which rows of one object may differ. */
const row = fc.record({
  path: text,
  route: text,
  sourceIdentity: text,
  decision: fc.constantFrom('allowed', 'denied', 'unknown'),
  requestId: text,
  start: number,
  durationUs: number,
  late: fc.boolean(),
})

describe('calls as columns', () => {
  it('are the calls that were appended, one object changed from row to row or an object for each', () => {
    const objects = fc.array(fc.record({ own, rows: fc.array(row, { minLength: 1, maxLength: 20 }) }), { maxLength: 6 })
    fc.assert(
      fc.property(objects, (given) => {
        const rows = new CallRows()
        const calls: Call[] = []
        for (const { own, rows: changes } of given) {
          const call = { ...emptyCall(), ...own }
          for (const change of changes) {
            rows.append(Object.assign(call, change))
            calls.push({ ...call })
          }
        }
        const all = calls.map((_, at) => at)
        expect(Buffer.from(encodeRows(rows, [{ id, rows: all }]))).toEqual(Buffer.from(encodeBlock([{ id, calls }])))
      }),
    )
  })

  it('have ids as bytes where such are given, in place of their own', () => {
    const said = fc.array(fc.tuple(fc.stringMatching(/^[\x20-\x7e]{0,127}$/), fc.boolean()), { maxLength: 20 })
    fc.assert(
      fc.property(said, (given) => {
        const all = Buffer.from(given.map(([text]) => text).join(''), 'latin1')
        const source = { view: new DataView(all.buffer, all.byteOffset, all.byteLength) }
        const rows = new CallRows()
        const ids = new RowIds()
        let from = 0
        for (const [text, isBytes] of given) {
          ids.forget()
          if (isBytes) Object.assign(ids.requestId, { source, from, end: from + text.length })
          from += text.length
          rows.append({ ...emptyCall(), requestId: isBytes ? '' : text, traceId: 't' }, ids)
        }
        const block = new Block(encodeRows(rows, [{ id, rows: given.map((_, at) => at) }]))
        expect(block.text('requestId')).toEqual(given.map(([text]) => text))
        expect(block.text('traceId')).toEqual(given.map(() => 't'))
      }),
    )
  })

  it('go into blocks by any selection, in any order', () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    fc.assert(
      fc.property(order, (selected) => {
        const rows = new CallRows()
        const calls = Array.from({ length: 10 }, (_, i) => ({
          ...emptyCall(),
          path: `/${i}`,
          method: `M${i % 3}`,
          start: i,
        }))
        for (const call of calls) rows.append(call)
        const block = encodeRows(rows, [{ id, rows: selected }])
        const same = encodeBlock([{ id, calls: selected.map((at) => calls[at]!) }])
        expect(Buffer.from(block)).toEqual(Buffer.from(same))
      }),
    )
  })

  it('are taken back from the end as if they had never been appended', () => {
    const rows = new CallRows()
    const kept = { ...emptyCall(), path: '/kept', method: 'GET' }
    rows.append(kept)
    const mark = rows.mark()
    for (let i = 0; i < 10_000; i += 1) rows.append({ ...emptyCall(), path: `/gone/${i}`, method: `M${i}` })
    for (let i = 0; i < 100; i += 1) rows.append(Object.assign(kept, { route: `/gone/${i}` }))
    rows.restore(mark)
    expect([rows.shapes, rows.variants.length]).toEqual([[kept], 1])
    rows.append(Object.assign(kept, { path: '/next', route: '/next' }))
    rows.append(Object.assign(kept, { route: '' }))
    expect(rows.variants.length).toBe(2)
    const block = new Block(encodeRows(rows, [{ id, rows: [0, 1, 2] }]))
    expect(block.text('path')).toEqual(['/kept', '/next', '/next'])
    expect(block.low('method').dictionary).toEqual(['', 'GET'])
    expect(block.low('route').dictionary).toEqual(['', '/next'])
  })

  it('name each column once that may differ from row to row', () => {
    expect(new Set(PER_ROW).size).toBe(PER_ROW.length)
    const low = PER_ROW.filter((name) => CALL_COLUMNS[name] === 'low')
    expect(VARIANT_COLUMNS.toSorted()).toEqual(low.toSorted())
  })
})
