/** Serves operations under /api/v1: who asks, what they ask, what they get. Every error is JSON with a code and a sentence. */
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { z } from 'zod'
import { ROLES } from '../../core/action.ts'
import { type ErrorCode, messageOf, PipelineError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type Access, SESSION_COOKIE, SESSION_SECONDS, type Visitor } from './access.ts'
import { openApiOf } from './openapi.ts'
import type { ApiContext, Operation } from './operation.ts'

export const API = '/api/v1'
const MAX_BODY_BYTES = 16 * 1024
const MAX_MESSAGE = 200
const RETRY_AFTER_SECONDS = '5'

const STATUS: Partial<Record<ErrorCode, number>> = {
  bad_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  store_unavailable: 503,
  bus_unavailable: 503,
  bus_full: 503,
}

export interface RouterOptions {
  operations: readonly Operation[]
  access: Access
  context: ApiContext
  /** Whether cookies go over TLS only. */
  secure: boolean
  version: string
  logger: Logger
}

export function apiRouter({ operations, access, context, secure, version, logger }: RouterOptions): Router {
  const router = express.Router()
  router.use((_, response, next) => {
    response.set('cache-control', 'no-store')
    next()
  })
  router.use(express.json({ limit: MAX_BODY_BYTES, strict: true }))

  const description = openApiOf(operations, version)
  router.get('/openapi.json', (_, response) => {
    response.json(description)
  })
  router.get('/session', (request, response) => {
    response.json(access.session(access.visitor(request)))
  })
  router.post('/session', (request, response) => {
    const { token } = z.object({ token: z.string().max(200) }).parse(request.body ?? {})
    const session = access.logIn(token)
    if (session === undefined) throw new PipelineError('unauthenticated', 'this token is not known')
    response
      .set('set-cookie', cookie(session, SESSION_SECONDS, secure))
      .status(204)
      .end()
  })
  router.delete('/session', (request, response) => {
    access.requireOwnPage(access.visitor(request), request)
    response
      .set('set-cookie', cookie('', 0, secure))
      .status(204)
      .end()
  })
  for (const operation of operations) {
    const { method, path, accepted = false } = operation
    router[method](path.replace(/\{(\w+)\}/g, ':$1'), async (request, response) => {
      const visitor = access.visitor(request)
      allow(operation, visitor)
      if (method !== 'get') access.requireOwnPage(visitor, request)
      const asked = {
        actor: visitor.actor,
        path: request.params as Record<string, string>,
        query: operation.query?.strict().parse(request.query) ?? {},
        body: operation.body?.strict().parse(request.body ?? {}) ?? {},
      }
      response.status(accepted ? 202 : 200).json(await operation.handle(asked, context))
    })
  }
  router.use((request) => {
    throw new PipelineError(
      'not_found',
      `there is no ${request.method} ${API}${request.path}: ${API}/openapi.json lists what there is`,
    )
  })
  router.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const { status, code, message } = explained(error)
    if (status >= 500) logger.error({ code, error: messageOf(error) }, 'a request of the API failed')
    if (status === 503) response.set('retry-after', RETRY_AFTER_SECONDS)
    if (status === 401) response.set('www-authenticate', 'Bearer')
    response.status(status).json({ error: { code, message } })
  })
  return router
}

function allow({ role }: Operation, { actor }: Visitor): void {
  if (ROLES.indexOf(actor.role) >= ROLES.indexOf(role)) return
  throw new PipelineError('forbidden', `${actor.name} is a ${actor.role}; this needs the role ${role}`)
}

function cookie(value: string, seconds: number, secure: boolean): string {
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`
}

function explained(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof PipelineError && STATUS[error.code] !== undefined) {
    return { status: STATUS[error.code]!, code: error.code, message: error.message }
  }
  if (error instanceof z.ZodError) {
    const [issue] = error.issues
    const place = issue?.path.join('.') ?? ''
    return { status: 400, code: 'bad_input', message: `${place === '' ? '' : `${place}: `}${issue?.message}` }
  }
  // Of express's own: a body that is too long or no JSON.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500) {
    const code = error.status === 413 ? 'too_large' : 'bad_input'
    return { status: error.status, code, message: messageOf(error).slice(0, MAX_MESSAGE) }
  }
  return { status: 500, code: 'failed', message: 'this failed; the log says why' }
}
