/** How commands speak with the console's API. */
import { z } from 'zod'
import { CSRF_HEADER } from '../alerts/api/access.ts'
import { Taken } from '../alerts/api/take.ts'
import { messageOf, PipelineError } from '../core/errors.ts'
import { consoleUrl } from '../dashboards/console/config.ts'
import { TOKEN } from './api-help.ts'
import type { Surroundings } from './command.ts'
import { readConfig } from './config.ts'

const REQUEST_MS = 30_000

export const API_OPTIONS = {
  config: { type: 'string', short: 'c' },
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export interface ApiClient {
  /** Rejects with what the API says is wrong. */
  get(path: string): Promise<unknown>
  act(method: 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>
}

const Session = z.object({ csrf: z.string() })
const Failure = z.object({ error: z.object({ message: z.string() }) })

export function apiClient(
  values: { config?: string | undefined; url?: string | undefined },
  around: Surroundings,
): ApiClient {
  const base = values.url?.replace(/\/+$/, '') ?? consoleUrl(readConfig(values.config, around).console)
  const token = around.env[TOKEN]
  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    let response: Response
    try {
      response = await fetch(`${base}/api/v1${path}`, {
        method,
        redirect: 'error',
        signal: AbortSignal.any([around.signal, AbortSignal.timeout(REQUEST_MS)]),
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      around.signal.throwIfAborted()
      const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
      throw new PipelineError(
        'bad_input',
        `no console answers at ${base} (${cause}): does eastwatch up run? --url names another`,
      )
    }
    const text = await response.text()
    if (response.ok) return JSON.parse(text) as unknown
    const failure = Failure.safeParse(parsed(text))
    const advice = response.status === 401 ? `; ${TOKEN} holds it, and eastwatch token makes one` : ''
    throw new PipelineError(
      'bad_input',
      `${failure.data?.error.message ?? `${base} answers ${response.status}`}${advice}`,
    )
  }
  return {
    get: (path) => ask('GET', path),
    async act(method, path, body) {
      const { csrf } = Session.parse(await ask('GET', '/session'))
      return ask(method, path, body, { [CSRF_HEADER]: csrf })
    },
  }
}

/** Behind a sentence that says what an action did. */
export function whenItShows(answer: unknown): string {
  return Taken.parse(answer).shows ? '' : '; it shows once Eastwatch has read its log that far'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
