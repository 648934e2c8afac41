/**
 * One signed POST of JSON to an endpoint: address guard, pinned connection, no redirect followed, no proxy, no connection kept,
 * bounded answer, one time limit over all. Decides whether a failure is worth another attempt; never makes one itself.
 */

import { once } from 'node:events'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { LookupFunction } from 'node:net'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { unlessAborted } from '../../core/waiting.ts'
import { type Address, guardedAddress, type Resolve, ranges } from '../address-guard.ts'
import type { Endpoint } from './endpoint.ts'
import { plain } from './plain.ts'
import { signedHeaders } from './signature.ts'

export interface Post {
  /** Dedup key: the same for every attempt of one message. */
  id: string
  body: Buffer
  /** Seconds since the epoch. */
  seconds: number
  /** Finds the reason in what a refusal says; where absent the status is all that is told of it. */
  reason?: (text: string) => string
  /** The pause that 429 asks for where the receiver names none. */
  busyMs?: number
}

export interface Answer {
  status: number
  /** Of its body, as far as it was read. */
  text: string
}

/** Answers are read to this size, so that the receiver sees its answer taken; the rest is cut off. */
const MAX_ANSWER_BYTES = 64 * 1024
const MAX_REASON = 300
const MAX_RETRY_AFTER_MS = 60 * 60_000
/** 4xx that say nothing against the message itself. */
const RETRIABLE_4XX = new Set([408, 425, 429])

// Explicit agents: the global one may be told by the environment to use a proxy, and keeps connections.
const httpAgent = new HttpAgent({ keepAlive: false })
const httpsAgent = new HttpsAgent({ keepAlive: false })

/** Resolves with an answer of 2xx; rejects with `delivery_failed` or `address_refused`. */
export async function post(endpoint: Endpoint, message: Post, signal: AbortSignal, resolve?: Resolve): Promise<Answer> {
  const { id, body, seconds, reason, busyMs } = message
  // Not AbortSignal.any: on Node 20 it leaves something behind in a signal that lives as long as the program, for each use.
  const limit = new AbortController()
  const stop = () => limit.abort(signal.reason)
  const late = () => limit.abort(new Error(`no complete answer within ${endpoint.timeoutMs} ms`))
  const timer = setTimeout(late, endpoint.timeoutMs)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const url = new URL(endpoint.url)
    const address = await unlessAborted(
      limit.signal,
      guardedAddress(url.hostname, ranges(endpoint.allowRanges), resolve),
    )
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': 'eastwatch',
      ...(endpoint.authorization === undefined ? {} : { authorization: endpoint.authorization }),
      ...(endpoint.secret === undefined ? {} : signedHeaders(endpoint.secret, id, seconds, body)),
    }
    const options = { method: 'POST', headers, signal: limit.signal, lookup: pinned(address) }
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...checkedBy(endpoint), agent: httpsAgent })
        : httpRequest(url, { ...options, agent: httpAgent })
    const answer = await send(request, body)
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return { status, text: await textOf(answer) }
    const said = reason === undefined ? '' : quoted(reason(await textOf(answer)), endpoint)
    answer.destroy()
    const asked = retryAfter(answer.headers['retry-after'], seconds)
    throw refusal(status, said, asked ?? (status === 429 ? busyMs : undefined))
  } catch (error) {
    if (error instanceof PipelineError) throw error
    const why = limit.signal.aborted ? messageOf(limit.signal.reason) : explained(error)
    throw new PipelineError('delivery_failed', why, { retriable: true, cause: error })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** The certificate is checked for the host's name, whatever address was pinned, and whatever the environment says. */
function checkedBy({ ca }: Endpoint): Pick<RequestOptions, 'ca' | 'rejectUnauthorized'> {
  return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) }
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function explained(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  const message = messageOf(error)
  if (!UNKNOWN_AUTHORITY.has(code)) return message
  return `the receiver's certificate is not trusted (${message}); the key ca of this receiver names a private authority`
}

async function send(request: ClientRequest, body: Buffer): Promise<IncomingMessage> {
  // A connection that breaks once the status is read must not become an unhandled error.
  request.on('error', () => {})
  request.on('response', (answer: IncomingMessage) => answer.on('error', () => {}))
  request.end(body)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  return answer
}

/** The answer's text, up to the bound. The status has been given: how the body ends no longer matters. */
async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) break
    }
  } catch {
    // What came before stands.
  }
  answer.destroy()
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString()
}

/** A receiver's words for a log: harmless, bounded, and without what was sent to it in confidence, as it is or within JSON. */
function quoted(text: string, { secret = '', authorization = '', hidden = [] }: Endpoint): string {
  const secrets = [...secret.split(' '), authorization, ...hidden].filter((one) => one !== '')
  const shapes = secrets.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)])
  return plain(
    shapes.reduce((rest, one) => rest.replaceAll(one, '(hidden)'), text),
    MAX_REASON,
  )
}

/** For a 2xx that this service does not answer with: a proxy's or a portal's friendly page is no message taken. */
export function notItsAnswer(service: string, { status, text }: Answer, endpoint: Endpoint): PipelineError {
  const said = `${status} ${quoted(text, endpoint)}`.trimEnd()
  return new PipelineError('delivery_failed', `answered, but not as ${service} does: ${said}`, { retriable: true })
}

function refusal(status: number, said: string, retryAfterMs: number | undefined): PipelineError {
  const redirect = status >= 300 && status < 400
  const final = redirect || (status >= 400 && status < 500 && !RETRIABLE_4XX.has(status))
  const why = redirect ? ', a redirect, which is not followed' : said === '' ? '' : `: ${said}`
  return new PipelineError('delivery_failed', `receiver answered ${status}${why}`, {
    retriable: !final,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** Milliseconds of a Retry-After header (seconds or a date), bounded; undefined where there is none or it is unreadable. */
function retryAfter(header: string | undefined, nowSeconds: number): number | undefined {
  if (header === undefined) return undefined
  // Date.parse takes far more than HTTP dates: those begin with the day of the week.
  const date = /^[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : Number.NaN
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : date - nowSeconds * 1000
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}

/** Answers every look-up with the checked address. */
function pinned({ address, family }: Address): LookupFunction {
  return (_host, options, done) => {
    if (options.all === true) done(null, [{ address, family }])
    else done(null, address, family)
  }
}
