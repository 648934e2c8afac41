import { statfsSync } from 'node:fs'

/**
 * Left on the disk beyond what a transaction writes. LMDB corrupts the memory of this process when the disk fills up under a
 * larger transaction (it spills pages early); so none is begun that might not fit.
 */
const SPARE_BYTES = 4 * 1024 * 1024

/** Bytes that a transaction of LMDB in this folder may write. Negative where the disk is as good as full. */
export function roomIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize - SPARE_BYTES
}
