/**
 * Reads a folder of kubectl exports. A folder that is not there declares nothing; anything wrong inside it fails the whole load
 * with an error of code `config` that names file, object and place, so that nobody decides by half a policy.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join, sep } from 'node:path'
import { messageOf, PipelineError } from '../core/errors.ts'
import { type Declared, declare, nothingDeclared } from './declared.ts'
import { parseDocuments } from './documents.ts'

export const MAX_FILES = 256
/** Some 8,000 pods as kubectl prints them. */
export const MAX_FILE_BYTES = 128 * 1024 * 1024
export const MAX_TOTAL_BYTES = 256 * 1024 * 1024

const POLICY_FILE = /^[^.].*\.(json|ya?ml)$/

/** Reads `*.json`, `*.yaml` and `*.yml` directly in `folder`, in the order of their names. */
export function loadFolder(folder: string): Declared {
  const declared = nothingDeclared()
  const files = listFiles(folder)
  if (files.length > MAX_FILES) {
    throw new PipelineError('config', `${files.length} files, over the limit of ${MAX_FILES}`)
  }
  let total = 0
  for (const file of files) {
    const text = readText(folder, file, MAX_TOTAL_BYTES - total)
    total += text.length
    const documents = parseDocuments(text, file)
    documents.forEach((document, i) => {
      // An empty YAML document stands between two separators.
      if (document !== null) declare(declared, document, documents.length > 1 ? `${file}: document ${i}` : file)
    })
  }
  return declared
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => POLICY_FILE.test(name))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new PipelineError('config', `it cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function readText(folder: string, file: string, left: number): string {
  const path = inside(folder, file)
  let bytes: Buffer
  try {
    // Not blocking: a named pipe would otherwise wait for its writer for ever.
    const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = fstatSync(handle)
      if (!stat.isFile()) throw new Error('is not a regular file')
      const limit = Math.min(MAX_FILE_BYTES, left)
      if (stat.size > limit) throw new Error(`${stat.size} bytes exceed the limit of ${limit}`)
      bytes = readFileSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    throw new PipelineError('config', `${file}: ${messageOf(error)}`, { cause: error })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new PipelineError('config', `${file}: is not UTF-8`)
  }
}

/** Links inside the folder are fine (a mounted ConfigMap is made of them); one that leads out is refused. */
function inside(folder: string, file: string): string {
  let path: string
  let root: string
  try {
    root = realpathSync(folder)
    path = realpathSync(join(folder, file))
  } catch (error) {
    throw new PipelineError('config', `${file}: ${messageOf(error)}`, { cause: error })
  }
  if (!path.startsWith(root + sep)) throw new PipelineError('config', `${file}: is a link that leads out of ${folder}`)
  return path
}
