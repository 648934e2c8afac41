/**
 * The schemas that Kubernetes publishes of its objects, with unknown fields refused. They come inside PyPI's `kubernetes-validate` wheel,
 * fetched once into `.cache/kubernetes-schemas` of the repository.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { messageOf } from '../../core/errors.ts'
import { requireWheel } from '../harness/wheel.ts'
import { ROOT } from './files.ts'

const PACKAGE_VERSION = '1.37.0'
const WHEEL = {
  name: 'kubernetes-validate',
  version: PACKAGE_VERSION,
  inside: 'kubernetes_validate/kubernetes-json-schema',
}
const FOLDER = join(ROOT, '.cache/kubernetes-schemas', PACKAGE_VERSION)
const DEFINITIONS = '/api/_definitions.json'

export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
}

/** undefined where the schemas are there, else a sentence that says why they are not. */
export async function fetchSchemas(): Promise<string | undefined> {
  try {
    await requireWheel(WHEEL, FOLDER)
    return undefined
  } catch (error) {
    return `PyPI's kubernetes-validate ${PACKAGE_VERSION} cannot be had: ${messageOf(error).slice(0, 300)}`
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
