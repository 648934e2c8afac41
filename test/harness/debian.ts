/** Programs that come in Debian's packages: on the PATH, or where .ci/run unpacks them. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const CACHE = join(import.meta.dirname, '../../.cache')

/** The program's path, or undefined and a printed reason. */
export function findProgram(program: string, debianPackage: string, what: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(CACHE, debianPackage, 'usr/bin')]
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
  if (found === undefined)
    console.log(`${what} is skipped: ${program} of Debian's package ${debianPackage} is not here (see .ci/run)`)
  return found
}
