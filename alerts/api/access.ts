/**
 * Who asks: a bearer token, or a browser's session, which is a cookie signed with a key that processes may share. A session ends when its
 * token is taken out or changed, as its hash is part of what is signed; the hash alone makes none. A browser proves with the header `x-eastwatch-csrf` that
 * an action is the page's own: other sites can make it send the cookie, but read nothing and set no header.
 *
 * Without tokens in the configuration the listener is on loopback only, and whoever reaches it is the operator `local`.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request } from 'express'
import type { Actor } from '../../core/action.ts'
import { PipelineError } from '../../core/errors.ts'
import type { TokenConfig } from './config.ts'
import { actorOf } from './tokens.ts'

export const SESSION_COOKIE = 'eastwatch_session'
export const CSRF_HEADER = 'x-eastwatch-csrf'
export const SESSION_SECONDS = 12 * 3600

export const LOCAL: Actor = { name: 'local', role: 'operator', namespaces: [] }

export interface Visitor {
  actor: Actor
  /** What the page must send with each action; undefined for a bearer token, which no other site has. */
  csrf: string | undefined
}

export interface Session extends Actor {
  csrf: string
  canLogOut: boolean
}

export class Access {
  readonly #tokens: readonly TokenConfig[]
  readonly #key: Buffer
  /** Seconds since the epoch. */
  readonly #now: () => number

  /** `sessionKey`: shared by the processes that serve the same people; where there is none, sessions end with the process. */
  constructor(
    tokens: readonly TokenConfig[],
    sessionKey: string | undefined = undefined,
    now = () => Math.floor(Date.now() / 1000),
  ) {
    this.#tokens = tokens
    this.#now = now
    this.#key = sessionKey === undefined ? randomBytes(32) : Buffer.from(sessionKey)
  }

  get isOpen(): boolean {
    return this.#tokens.length === 0
  }

  /** Throws `unauthenticated`. */
  visitor(request: Pick<Request, 'headers'>): Visitor {
    if (this.isOpen) return { actor: LOCAL, csrf: this.#sign('csrf', LOCAL.name) }
    const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (bearer !== undefined) {
      const actor = actorOf(bearer, this.#tokens)
      if (actor !== undefined) return { actor, csrf: undefined }
      throw new PipelineError('unauthenticated', 'this token is not known')
    }
    const session = cookieOf(request.headers.cookie)
    const actor = session === undefined ? undefined : this.#actorOfSession(session)
    if (session === undefined || actor === undefined) {
      throw new PipelineError('unauthenticated', 'a token is needed: Authorization: Bearer <token>')
    }
    return { actor, csrf: this.#sign('csrf', session) }
  }

  /** What its own page is told of a visitor. */
  session({ actor, csrf = '' }: Visitor): Session {
    return { ...actor, csrf, canLogOut: !this.isOpen }
  }

  /** Throws `forbidden` where the request may be another site's. */
  requireOwnPage({ csrf }: Visitor, request: Pick<Request, 'headers'>): void {
    if (csrf === undefined) return
    const given = request.headers[CSRF_HEADER]
    if (typeof given === 'string' && isSame(given, csrf)) return
    throw new PipelineError('forbidden', `the header ${CSRF_HEADER} is missing or old: load the page again`)
  }

  /** The cookie's value for whoever has this token; undefined where nobody does. */
  logIn(token: string): string | undefined {
    const actor = actorOf(token, this.#tokens)
    if (actor === undefined) return undefined
    const claim = `${actor.name}|${this.#now() + SESSION_SECONDS}|${randomBytes(9).toString('base64url')}`
    return `${Buffer.from(claim).toString('base64url')}.${this.#signSession(claim, actor.name)}`
  }

  #actorOfSession(session: string): Actor | undefined {
    const [encoded = '', signature = ''] = session.split('.')
    const claim = Buffer.from(encoded, 'base64url').toString()
    const [name = '', until = ''] = claim.split('|')
    if (!isSame(signature, this.#signSession(claim, name))) return undefined
    if (Number(until) <= this.#now()) return undefined
    const token = this.#tokens.find((one) => one.name === name)
    return token && { name: token.name, role: token.role, namespaces: token.namespaces }
  }

  /** With the hash of the token that it stands for. */
  #signSession(claim: string, name: string): string {
    const hash = this.#tokens.find((one) => one.name === name)?.sha256 ?? ''
    return this.#sign('session', `${hash}|${claim}`)
  }

  #sign(purpose: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${purpose}|${text}`).digest('base64url')
  }
}

function cookieOf(header: string | undefined): string | undefined {
  const cookies = (header ?? '').split(';').map((one) => one.trim())
  return cookies.find((one) => one.startsWith(`${SESSION_COOKIE}=`))?.slice(SESSION_COOKIE.length + 1)
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
