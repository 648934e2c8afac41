/** The declared objects of a folder, with an error that says what to do. */
import { PipelineError } from '../core/errors.ts'
import type { PolicySnapshot } from './policy.ts'
import { loadSnapshot, type SnapshotOptions } from './snapshot.ts'

/** Where declared objects are read from, and how. */
export interface PolicySource extends SnapshotOptions {
  folder: string
}

/** Throws `config` where anything in the folder is wrong. */
export function readPolicy(source: PolicySource): PolicySnapshot {
  try {
    return loadSnapshot(source.folder, source).snapshot
  } catch (cause) {
    if (!(cause instanceof PipelineError)) throw cause
    const message = `policy folder ${source.folder}: ${cause.message}; mend the file or take it out of the folder`
    throw new PipelineError('config', message, { cause })
  }
}
