/**
 * Folders outside of the data folder that one process alone uses. The name carries the process, so that what a killed one left is
 * known as such and removed by the next that starts.
 */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isRunning, startOf } from './processes.ts'

/** Hosts may share a disk or memory, and process ids mean something on their own host only. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** `<base>/<prefix>-<host>-<process id>-<its start>`. */
export function processFolder(base: string, prefix: string): string {
  return join(base, `${prefix}-${HOST}-${process.pid}-${startOf(process.pid)}`)
}

/** Removes such folders in `base` of processes of this host that run no more, as far as this user owns them. */
export function removeLeftOver(base: string, prefix: string): void {
  for (const name of namesIn(base)) {
    const [host, pid, started, ...rest] = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1).split('-') : []
    if (host !== HOST || !/^\d+$/.test(pid ?? '') || started === undefined || rest.length > 0) continue
    const folder = join(base, name)
    if (!isRunning(Number(pid), started) && isOwnFolder(folder)) rmSync(folder, { recursive: true, force: true })
  }
}

/** A folder, no link, that belongs to this user. */
export function isOwnFolder(path: string): boolean {
  try {
    const found = lstatSync(path)
    return found.isDirectory() && found.uid === process.getuid?.()
  } catch {
    return false
  }
}

function namesIn(base: string): string[] {
  try {
    return readdirSync(base)
  } catch {
    return []
  }
}
