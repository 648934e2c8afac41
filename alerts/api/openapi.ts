/** The OpenAPI 3.1 description of operations, made of the schemas that they are checked by. */
import { z } from 'zod'
import type { Operation } from './operation.ts'

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
  },
}

export function openApiOf(operations: readonly Operation[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Eastwatch', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      schemas: { Error: ERROR },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'eastwatch_session' },
      },
    },
  }
}

function describe({ path, summary, role, query, body, answer, accepted }: Operation): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter(name!, 'path', true, { type: 'string' }))
  const { properties = {}, required = [] } = query === undefined ? {} : schemaOf(query, 'input')
  const inQuery = Object.entries(properties).map(([name, schema]) =>
    parameter(name, 'query', required.includes(name), schema as object),
  )
  const failure = { description: 'Why not.', content: json({ $ref: '#/components/schemas/Error' }) }
  return {
    summary,
    description: `Role ${role} or above.`,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(body, 'input')) } }),
    responses: {
      [accepted ? '202' : '200']: {
        description: accepted
          ? 'Recorded, and in force for what is told; `shows` says whether what is read from now on shows it.'
          : 'What was asked for.',
        content: json(schemaOf(answer, 'output')),
      },
      default: failure,
    },
  }
}

interface Schema {
  properties?: Record<string, unknown>
  required?: string[]
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest as Schema
}

function parameter(name: string, where: string, required: boolean, schema: object): object {
  return { name, in: where, required, schema }
}

function json(schema: object): object {
  return { 'application/json': { schema } }
}
