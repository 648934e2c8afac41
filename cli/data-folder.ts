import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PipelineError } from '../core/errors.ts'
import { makeFolder } from '../core/lifecycle/make-folder.ts'

/** Makes the data folder where it is missing. Throws `folder_unusable` where nothing can be written into it. */
export function prepareDataFolder(folder: string): void {
  const probe = join(folder, '.probe')
  try {
    makeFolder(folder, 0o700)
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: 'EEXIST' })
    writeFileSync(probe, 'x')
    rmSync(probe)
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    const why = REASONS[code] ?? `it cannot be written (${code})`
    const advice = `set dataFolder to a folder that this user may write, or mend this one`
    throw new PipelineError('folder_unusable', `data folder ${folder}: ${why}; ${advice}`, { cause })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file',
  ENOENT: 'no folder can be made there',
  ENOTDIR: 'it is a file, or lies under one',
  EACCES: 'this user may not write it',
  EPERM: 'this user may not write it',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
}
