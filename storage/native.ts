/**
 * Blocks of calls as ClickHouse's Native format: column bodies are taken from the block as they are, so a row costs nothing.
 * Native: varint columns, varint rows, then for each column its name, its type and its body; blocks follow one another.
 */
import type { Block } from '../core/block.ts'
import { CALL_COLUMN_NAMES } from '../core/call.ts'
import { columnType, snakeCase } from './columns.ts'

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

/**
 * One Native block of the calls and a column `batch` that holds `batch` in each row. In one piece: each of a hundred pieces would be
 * a chunk of HTTP, and cost more than copying them together.
 */
export function* nativeBlock(block: Block, batch: string): Iterable<Uint8Array> {
  const parts: Uint8Array[] = [COLUMN_COUNT, varint(block.rows)]
  for (const [ordinal, name] of CALL_COLUMN_NAMES.entries()) parts.push(HEADERS[ordinal]!, block.body(name))
  parts.push(BATCH_HEADER, constantColumn(batch, block.rows))
  yield Buffer.concat(parts)
}

/** LowCardinality(String), dictionary of '' and the value, one-byte keys that are all 1. Layout: core/block.ts. */
function constantColumn(value: string, rows: number): Buffer {
  const head = Buffer.alloc(24)
  head.writeBigUInt64LE(1n, 0)
  head.writeBigUInt64LE(0x600n, 8)
  head.writeBigUInt64LE(2n, 16)
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(rows), 0)
  return Buffer.concat([head, text(''), text(value), count, Buffer.alloc(rows, 1)])
}
