/** Asks the API. A browser's session is its cookie; an action carries the token that only this page was given. */
import type { Session } from '../../../alerts/api/access.ts'
import type { Taken } from '../../../alerts/api/take.ts'

export class ApiError extends Error {
  /** 0 where nobody answered. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const API = '/api/v1'
const PATIENCE_MS = 40_000

/** Whoever asked for the page, as the page itself says; undefined where that is nobody yet. */
export const session: Session | undefined =
  JSON.parse(document.querySelector('meta[name="session"]')?.getAttribute('content') || 'null') ?? undefined

export function logIn(token: string): Promise<unknown> {
  return ask('POST', '/session', { body: { token } })
}

export function logOut(): Promise<unknown> {
  return ask('DELETE', '/session')
}

/** `signal`: nobody wants the answer any more. */
export function get<T>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal,
): Promise<T> {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return ask('GET', given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`, { signal }) as Promise<T>
}

/** Resolves when it is recorded, and says whether what is read from now on shows it. */
export function act(method: 'POST' | 'DELETE', path: string, body?: object): Promise<Taken> {
  return ask(method, path, { body }) as Promise<Taken>
}

interface Asked {
  body?: object | undefined
  signal?: AbortSignal
}

async function ask(method: string, path: string, { body, signal }: Asked = {}): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'GET') headers['x-eastwatch-csrf'] = session?.csrf ?? ''
  const patience = AbortSignal.timeout(PATIENCE_MS)
  let response: Response
  try {
    response = await fetch(API + path, {
      method,
      headers,
      signal: signal === undefined ? patience : AbortSignal.any([signal, patience]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch {
    throw new ApiError(0, 'Eastwatch does not answer')
  }
  const text = await response.text()
  if (response.ok) return text === '' ? undefined : JSON.parse(text)
  throw new ApiError(response.status, messageOf(text, response.status))
}

function messageOf(text: string, status: number): string {
  try {
    return String(JSON.parse(text).error.message)
  } catch {
    return `it answered ${status}`
  }
}
