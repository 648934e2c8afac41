import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Block, encodeBlock } from '../../core/block.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS, type Call } from '../../core/call.ts'
import { snakeCase } from '../../storage/columns.ts'
import { streamOf } from '../../storage/sink.ts'
import { callsSink } from '../../storage/sinks/calls.ts'
import { anyCall, deliveryId } from './calls.ts'
import { noEngine, openMigrated, type TestStore } from './store.ts'

describe.skipIf(noEngine())('calls as Native inserts', () => {
  let store: TestStore
  beforeAll(async () => {
    store = await openMigrated()
  })
  afterAll(() => store.stop())

  it('what is stored is what was in the block, for any calls, in several blocks of one insert', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyCall, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 3 }),
        async (blocks) => {
          run += 1
          const gatherer = callsSink.gatherer(undefined)
          const expected: Call[] = []
          for (const [at, calls] of blocks.entries()) {
            const value = encodeBlock([{ id: deliveryId(run * 100 + at), calls }])
            const block = new Block(value)
            for (let row = 0; row < block.rows; row += 1) expected.push(block.call(row))
            gatherer.add(value)
          }
          const inserts = gatherer.inserts()
          for (const insert of inserts) {
            const batch = `property-${run}-${insert.group}`
            await store.store.insert({
              table: insert.table,
              format: insert.format,
              columns: [...insert.columns, 'batch'],
              token: batch,
              body: streamOf(insert.body(batch)),
            })
            const near = await store.store.rows(
              `SELECT 1 FROM eastwatch.calls WHERE batch = {batch:String} AND ${insert.near.sql} LIMIT 1`,
              {
                ...insert.near.params,
                batch,
              },
            )
            expect(near).toHaveLength(1)
          }
          const found = await store.rows<Record<string, unknown>>(
            `SELECT ${COLUMNS.join(', ')} FROM eastwatch.calls WHERE batch LIKE 'property-${run}-%'`,
          )
          expect(sorted(found)).toEqual(sorted(expected as unknown as Record<string, unknown>[]))
          const parts = await store.rows<{ n: number }>(
            `SELECT count(DISTINCT _part) AS n FROM eastwatch.calls WHERE batch LIKE 'property-${run}-%'`,
          )
          expect(parts).toEqual([{ n: inserts.length }])
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)
})

const COLUMNS = CALL_COLUMN_NAMES.map((name) => {
  const column = snakeCase(name)
  return CALL_COLUMNS[name] === 'time' ? `toUnixTimestamp64Micro(${column}) AS ${name}` : `${column} AS ${name}`
})

function sorted(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => JSON.stringify(CALL_COLUMN_NAMES.map((name) => row[name]))).sort()
}
