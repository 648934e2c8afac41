/**
 * Blocks of calls as one block of ClickHouse's Native format: varint columns, varint rows, then for each column its name, its type
 * and its body. A stored row costs almost nothing here: bodies are copied as they are, dictionaries are joined. One block, because
 * the engine's work on a block is by column, not by row: forty small ones cost it five times what one large one does.
 */
import type { Block } from '../core/block.ts'
import { CALL_COLUMN_NAMES, CALL_COLUMNS } from '../core/call.ts'
import { columnType, snakeCase } from './columns.ts'
import { joinLow } from './join-low.ts'

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(bytes.length), bytes])
}

export const CALL_TABLE_COLUMNS = CALL_COLUMN_NAMES.map(snakeCase)

const HEADERS = CALL_COLUMN_NAMES.map((name) => Buffer.concat([text(snakeCase(name)), text(columnType(name))]))
const BATCH_HEADER = Buffer.concat([text('batch'), text('LowCardinality(String)')])
const COLUMN_COUNT = varint(CALL_COLUMN_NAMES.length + 1)

/** The calls of all blocks, and a column `batch` that holds `batch` in each row. Throws `block_corrupt`. */
export function* nativeCalls(blocks: readonly Block[], batch: string): Iterable<Uint8Array> {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  yield Buffer.concat([COLUMN_COUNT, varint(rows)])
  for (const [ordinal, name] of CALL_COLUMN_NAMES.entries()) {
    const joined = CALL_COLUMNS[name] === 'low' ? joinLow(blocks, name) : blocks.map((block) => block.body(name))
    yield Buffer.concat([HEADERS[ordinal]!, ...joined])
  }
  yield Buffer.concat([BATCH_HEADER, ...constantColumn(batch, rows)])
}

/** LowCardinality(String), dictionary of '' and the value, one-byte keys that are all 1. Layout: docs/block-format.md. */
function constantColumn(value: string, rows: number): Uint8Array[] {
  const head = Buffer.alloc(24)
  head.writeBigUInt64LE(1n, 0)
  head.writeBigUInt64LE(0x600n, 8)
  head.writeBigUInt64LE(2n, 16)
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(rows), 0)
  return [head, text(''), text(value), count, Buffer.alloc(rows, 1)]
}
