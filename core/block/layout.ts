/** What both directions of the block format share. Throughout: little-endian. */
import type { ColumnKind } from '../call.ts'

export const MAX_BLOCK_ROWS = 65_536
export const MAX_BLOCK_BYTES = 16 * 1024 * 1024

/** ClickHouse: SerializationLowCardinality, version 1, one dictionary of additional keys per block. */
export const LOW_VERSION = 1
export const LOW_ADDITIONAL_KEYS = 0x600

export type NumberKind = Exclude<ColumnKind, 'low' | 'text'>

/** Bytes and range of the fixed-width columns. */
export const RANGE: Record<NumberKind, { width: number; least: number; most: number }> = {
  u8: { width: 1, least: 0, most: 0xff },
  bool: { width: 1, least: 0, most: 1 },
  u16: { width: 2, least: 0, most: 0xffff },
  i16: { width: 2, least: -0x8000, most: 0x7fff },
  u32: { width: 4, least: 0, most: 0xffff_ffff },
  u64: { width: 8, least: 0, most: Number.MAX_SAFE_INTEGER },
  time: { width: 8, least: 0, most: Number.MAX_SAFE_INTEGER },
}
