/**
 * Bodies of inserts wait in files, for the engine reads binary formats from files only; in memory-backed ones where there are any.
 * The memory-backed folder carries the id of its process: what a killed one left, of this or any other store of this user, is
 * removed by the next that starts.
 */
import { chmodSync, createWriteStream, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PipelineError } from '../../core/errors.ts'
import { isOwnFolder, processFolder, removeLeftOver } from '../../core/lifecycle/process-folder.ts'

export const MEMORY = '/dev/shm'
export const SPOOL_PREFIX = 'eastwatch-spool'
/** Containers often give 64 MiB there: too little. */
const MIN_MEMORY_BYTES = 512 * 1024 * 1024

export class Spool {
  readonly folder: string
  readonly #maxBytes: number
  #files = 0

  /** `home`: a folder of this store alone. `memory`: where memory-backed files may be kept. Removes what dead processes left. */
  constructor(home: string, maxBytes: number, memory = MEMORY) {
    this.#maxBytes = maxBytes
    removeLeftOver(memory, SPOOL_PREFIX)
    rmSync(diskFolder(home), { recursive: true, force: true })
    this.folder = memoryFolder(memory) ?? diskFolder(home)
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
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
  return join(home, 'spool')
}

/** Undefined where there is no such memory, little of it, or the name is taken by someone else. */
function memoryFolder(memory: string): string | undefined {
  const folder = processFolder(memory, SPOOL_PREFIX)
  try {
    const free = statfsSync(memory)
    if (free.bavail * free.bsize < MIN_MEMORY_BYTES) return undefined
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!isOwnFolder(folder)) return undefined
    chmodSync(folder, 0o700)
    return folder
  } catch {
    return undefined
  }
}
