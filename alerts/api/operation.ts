/**
 * An operation of the API: what it takes, what it answers, who may. From the same table requests are served and the OpenAPI description is
 * written, so they cannot differ. Adding one: its file, and an entry where the API is put together (dashboards/console/operations.ts).
 */
import type { z } from 'zod'
import type { Actor, OperatorRole } from '../../core/action.ts'
import type { Bus } from '../../core/bus/bus.ts'
import type { Health } from '../../core/telemetry/health.ts'
import type { StoreReader } from '../../storage/query.ts'

/** What operations work with. */
export interface ApiContext {
  store: StoreReader
  bus: Pick<Bus, 'publish'>
  /** Of the process that answers. */
  health: Health['read']
  /** Epoch microseconds. */
  now(): number
}

export interface Asked {
  actor: Actor
  /** Checked, with defaults filled in. */
  path: Record<string, string>
  query: Record<string, unknown>
  body: Record<string, unknown>
}

export interface Operation {
  method: 'get' | 'post' | 'delete'
  /** Below /api/v1, parameters as `{id}`. */
  path: string
  summary: string
  /** Least role. */
  role: OperatorRole
  query?: z.ZodObject
  body?: z.ZodObject
  /** 200 with this; `accepted`: 202, as it takes effect with the log. */
  answer: z.ZodType
  accepted?: true
  /** Throws a PipelineError: `bad_input`, `not_found`, `forbidden`, or what the store or the bus throws. */
  handle(asked: Asked, context: ApiContext): Promise<unknown>
}

/** Checks that types and schemas of an operation agree, which a plain table of operations cannot say. */
export function operation<Query extends z.ZodObject, Body extends z.ZodObject, Answer extends z.ZodType>(
  own: Omit<Operation, 'query' | 'body' | 'answer' | 'handle'> & {
    query?: Query
    body?: Body
    answer: Answer
    handle(
      asked: { actor: Actor; path: Record<string, string>; query: z.output<Query>; body: z.output<Body> },
      context: ApiContext,
    ): Promise<z.input<Answer>>
  },
): Operation {
  return own as unknown as Operation
}
