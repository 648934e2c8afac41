import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * As `mkdir -p`, one folder after the other: Node's own recursive call never returns where the system says of a folder that is
 * there that it is not (/proc). Throws the error of the first folder that cannot be made.
 */
export function makeFolder(folder: string, mode?: number): void {
  const missing: string[] = []
  for (let at = folder; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.push(at)
  for (const path of missing.reverse()) {
    try {
      mkdirSync(path, { mode })
    } catch (error) {
      // Another process may have been faster.
      if (!isExisting(error)) throw error
    }
  }
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST'
}
