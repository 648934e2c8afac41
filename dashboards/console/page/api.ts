/** Asks the API. A browser's session is its cookie; an action carries the token that only this page was given. */
export interface Session {
  name: string
  role: 'reader' | 'operator' | 'admin'
  namespaces: string[]
  csrf: string
  canLogOut: boolean
}

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

let csrf = ''

export async function readSession(): Promise<Session> {
  const session = await get<Session>('/session')
  csrf = session.csrf
  return session
}

export function logIn(token: string): Promise<unknown> {
  return ask('POST', '/session', { token })
}

export function logOut(): Promise<unknown> {
  return ask('DELETE', '/session')
}

export function get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return ask('GET', given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`) as Promise<T>
}

/** Resolves when it is recorded; it shows some ten seconds later. */
export function act(method: 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
  return ask(method, path, body)
}

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'GET') headers['x-eastwatch-csrf'] = csrf
  let response: Response
  try {
    response = await fetch(API + path, {
      method,
      headers,
      signal: AbortSignal.timeout(PATIENCE_MS),
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
