/** What is wrong with a payload by the schema that its service publishes, a line for each problem: test/fixtures/receivers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../fixtures/receivers')

export type Check = (payload: unknown) => string[]

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

const FORMATS = {
  'date-time': (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text),
  uri: (text: string) => URL.canParse(text),
} as const

function saying(check: ValidateFunction): Check {
  return (payload) =>
    check(payload)
      ? []
      : check.errors!.map(
          ({ instancePath, message, params }: ErrorObject) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
        )
}

/** JSON Schema 2020-12. */
export function schemaCheck(name: string): Check {
  return saying(
    new Ajv2020({ strict: false, formats: FORMATS, allErrors: true }).compile(JSON.parse(read(name)) as object),
  )
}

/** A definition of an API description in Swagger 2, whose objects take no further fields. */
export function definitionCheck(name: string, definition: string): Check {
  const { definitions } = parse(read(name)) as { definitions: object }
  const ajv = new Ajv({ strict: false, formats: FORMATS, allErrors: true })
  return saying(ajv.compile({ $ref: `#/definitions/${definition}`, definitions }))
}
