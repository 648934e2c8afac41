/**
 * One process at a time in a folder. The lock is a file naming its holder; it outlives `kill -9`, so a lock is held only while
 * its holder lives: on this host the process with that id and start time, on another host one that renewed it lately.
 */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { messageOf, PipelineError } from '../errors.ts'
import { makeFolder } from './make-folder.ts'
import { isRunning, startOf } from './processes.ts'

interface Holder {
  pid: number
  host: string
  /** When the process started, in the kernel's own unit; '' where the system does not tell. */
  started: string
}

const RENEW_MS = 2000
/** A lock of another host that was not renewed for this long is left over. */
const STALE_MS = 15_000

/**
 * Makes the folder where it is missing and takes its lock, or throws `folder_unusable`; gives back what releases it.
 * `what` names the folder's content for people.
 */
export function lockFolder(folder: string, what: string): () => void {
  const file = join(folder, 'owner.json')
  const mine: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) }
  for (let attempt = 1; ; attempt += 1) {
    try {
      makeFolder(folder)
      writeFileSync(file, JSON.stringify(mine), { flag: 'wx' })
      break
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) {
        throw new PipelineError(
          'folder_unusable',
          `the folder ${folder} of ${what} cannot be used: ${messageOf(cause)}`,
          { cause },
        )
      }
      const holder = liveHolder(file, mine)
      if (holder !== undefined) {
        const who = `process ${holder.pid} on ${holder.host}`
        throw new PipelineError('folder_unusable', `${what} in ${folder} is in use by ${who}; stop it first`)
      }
      rmSync(file, { force: true })
    }
  }
  held.add(file)
  const renewal = setInterval(() => renew(file), RENEW_MS)
  renewal.unref()
  return () => {
    clearInterval(renewal)
    held.delete(file)
    rmSync(file, { force: true })
  }
}

const held = new Set<string>()

function liveHolder(file: string, mine: Holder): Holder | undefined {
  let holder: Holder
  let renewed: number
  try {
    holder = JSON.parse(readFileSync(file, 'utf8')) as Holder
    renewed = statSync(file).mtimeMs
  } catch {
    return undefined
  }
  if (holder.host !== mine.host) return Date.now() - renewed < STALE_MS ? holder : undefined
  if (holder.pid === process.pid) return held.has(file) ? holder : undefined
  return isRunning(holder.pid, holder.started) ? holder : undefined
}

function renew(file: string): void {
  try {
    const now = new Date()
    utimesSync(file, now, now)
  } catch {
    // The folder may be full or gone for the moment; writes to it will say so.
  }
}
