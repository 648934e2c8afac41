/** Java, and the jars of Kafka: resolved from Maven Central by pom.xml, once, into .cache/kafka. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const POM = readFileSync(join(import.meta.dirname, 'pom.xml'), 'utf8')
const VERSION = /<version>(4\.[\d.]+)</.exec(POM)[1]
export const CACHE = join(import.meta.dirname, '../../.cache/kafka')
/** Another pom is another set of jars. */
const JARS = join(CACHE, `${VERSION}-${createHash('sha256').update(POM).digest('hex').slice(0, 8)}`)
const JAVA_AT_LEAST = 17
const RESOLVE_MS = 300_000

const run = promisify(execFile)

/** Why there is no broker here, for a person. */
export class Refusal extends Error {}

/** Arguments of `java` for a main class of Kafka's. */
export const java = (...args) => ['-cp', join(JARS, '*'), ...args]

export async function requireJava() {
  if (process.platform !== 'linux') throw new Refusal(`this needs Linux, and this is ${process.platform}`)
  const { stderr } = await run('java', ['-version']).catch(() => {
    throw new Refusal(`Kafka needs Java ${JAVA_AT_LEAST} or later, and there is no java here; install a Java runtime`)
  })
  const version = Number(/version "(\d+)/.exec(stderr)?.[1])
  if (version < JAVA_AT_LEAST) {
    throw new Refusal(`Kafka ${VERSION} needs Java ${JAVA_AT_LEAST} or later, this is Java ${version}`)
  }
}

/** Resolves beside the final folder and renames, so that two runs at once both end with a whole one. */
export async function requireJars() {
  if (existsSync(JARS)) return
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'resolve-'))
  console.error(`resolving Kafka ${VERSION} with Maven, once ...`)
  try {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${work}/jars`]
    await run('mvn', ['-B', '-q', '-f', join(import.meta.dirname, 'pom.xml'), ...goal], { timeout: RESOLVE_MS })
    renameSync(join(work, 'jars'), JARS)
  } catch (error) {
    if (existsSync(JARS)) return
    if (error.code === 'ENOENT') throw new Refusal('Kafka is resolved by Maven, and there is no mvn here; install it')
    const said = String(error.stdout ?? '')
      .trim()
      .split('\n')
      .slice(0, 3)
      .join(' ')
    throw new Refusal(`Maven cannot resolve Kafka ${VERSION}: ${said || error.message}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
