/** A look at LMDB's file before LMDB maps it: a file that is none, or was cut short, would end the process without a word. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** Offsets in a meta page (MDB_meta behind a page header of 24 bytes, data version 2). */
const META = { magic: 24, pageSize: 48, mainRoot: 136, bytes: 144 }
const MAGIC = 0xbeefc0de
const NO_ROOT = 0xffff_ffff_ffff_ffffn

/** What is wrong with the file, or undefined where nothing is seen to be; a missing or empty one is new. */
export function damageOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    if (size === 0) return undefined
    const meta = Buffer.alloc(META.bytes)
    readSync(handle, meta, 0, META.bytes, 0)
    if (meta.readUInt32LE(META.magic) !== MAGIC) return `${file} is no log of this program`
    const pageSize = meta.readUInt32LE(META.pageSize)
    for (const at of [0, pageSize]) {
      readSync(handle, meta, 0, META.bytes, at)
      const root = meta.readBigUInt64LE(META.mainRoot)
      if (root !== NO_ROOT && (root + 1n) * BigInt(pageSize) > BigInt(size)) return `${file} is cut short`
    }
    return undefined
  } finally {
    closeSync(handle)
  }
}
