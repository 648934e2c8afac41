/** Bodies of inserts wait in files, for the engine reads binary formats from files only; in memory-backed ones where there are any. */
import { createHash } from 'node:crypto'
import { chmodSync, createWriteStream, lstatSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PipelineError } from '../../core/errors.ts'

const MEMORY = '/dev/shm'
/** Containers often give 64 MiB there: too little. */
const MIN_MEMORY_BYTES = 512 * 1024 * 1024

export class Spool {
  readonly folder: string
  readonly #maxBytes: number
  #files = 0

  /** `home`: a folder of this store alone. Removes what an earlier process left. */
  constructor(home: string, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.folder = memoryFolder(home) ?? diskFolder(home)
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { force: true })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Writes the stream to a file, gives its path to `work`, and removes it whatever comes. */
  async hold<T>(body: Readable, work: (path: string, bytes: number) => Promise<T>): Promise<T> {
    this.#files += 1
    const path = join(this.folder, `${process.pid}-${this.#files}`)
    // Whoever tidies memory-backed folders may take this one while it is empty.
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    let bytes = 0
    const limit = new Transform({
      transform: (chunk: Buffer, _, done) => {
        bytes += chunk.length
        if (bytes <= this.#maxBytes) done(null, chunk)
        else done(new PipelineError('too_large', `insert of more than ${this.#maxBytes} bytes`))
      },
    })
    try {
      await pipeline(body, limit, createWriteStream(path, { mode: 0o600, highWaterMark: 1024 * 1024 }))
      return await work(path, bytes)
    } finally {
      await rm(path, { force: true })
    }
  }
}

function diskFolder(home: string): string {
  const folder = join(home, 'spool')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Undefined where there is no such memory, little of it, or the name is taken by someone else. */
function memoryFolder(home: string): string | undefined {
  const folder = join(MEMORY, `eastwatch-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`)
  try {
    const free = statfsSync(MEMORY)
    if (free.bavail * free.bsize < MIN_MEMORY_BYTES) return undefined
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const found = lstatSync(folder)
    if (!found.isDirectory() || found.uid !== process.getuid?.()) return undefined
    chmodSync(folder, 0o700)
    return folder
  } catch {
    return undefined
  }
}
