/** The files of deploy/, as they stand in the repository. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseAllDocuments } from 'yaml'

export const ROOT = join(import.meta.dirname, '../..')

/** Paths from the repository's root, of all files under a folder. */
export function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort()
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Every document of a YAML file. Throws where one cannot be parsed, or has a key twice. */
export function documentsOf(path: string): unknown[] {
  return parseYaml(textOf(path), path)
}

export function parseYaml(text: string, path: string): unknown[] {
  return parseAllDocuments(text, { merge: true, uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem !== undefined) throw new Error(`${path}: ${problem.message}`)
    return document.toJS()
  })
}

/** Names of environment variables that a configuration takes values from. */
export function variablesIn(path: string): string[] {
  return [...new Set([...textOf(path).matchAll(/\$\{([A-Z0-9_]+)\}/g)].map(([, name]) => name!))].sort()
}
