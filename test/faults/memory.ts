/** What processes hold in memory that is their own and no file's, looked at each second. */
import { readFileSync } from 'node:fs'

const LOOK_MS = 1000

export class MemoryWatch {
  /** Of all of them together, in bytes, by second. */
  readonly samples: number[] = []
  readonly #timer: NodeJS.Timeout

  constructor(pids: readonly number[]) {
    this.#timer = setInterval(() => {
      this.samples.push(pids.reduce((sum, pid) => sum + anonymousBytes(pid), 0))
    }, LOOK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

function anonymousBytes(pid: number): number {
  const kib = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}
