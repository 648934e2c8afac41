/** How a column of `Call` is named and typed in the table `calls`. */
import { CALL_COLUMNS, type CallColumn, type ColumnKind } from '../core/call.ts'

const TYPES: Record<ColumnKind, string> = {
  low: 'LowCardinality(String)',
  text: 'String',
  time: "DateTime64(6, 'UTC')",
  u8: 'UInt8',
  u16: 'UInt16',
  u32: 'UInt32',
  u64: 'UInt64',
  i16: 'Int16',
  bool: 'Bool',
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export function columnType(name: CallColumn): string {
  return TYPES[CALL_COLUMNS[name]]
}
