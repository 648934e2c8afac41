/**
 * Paths without secrets, and route templates. One pass over the text, no state: the same path gives the same result everywhere.
 *
 *   path   `/users/42/reset/4f9aK2...`  ->  path  `/users/42/reset/{token}`   route  `/users/{id}/reset/{token}`
 *
 * Redacted from the path itself: query string, fragment and matrix parameters, e-mail addresses, runs of nine digits or more,
 * long mixed tokens. The route also replaces what only numbers an object: numbers, UUIDs, hashes, names with four digits or more.
 */
import { bounded } from './bounded.ts'

export interface Route {
  path: string
  route: string
}

export const MAX_PATH_LENGTH = 1024
export const MAX_ROUTE_SEGMENTS = 16
export const MAX_ROUTE_LENGTH = 256
const REST = '{*}'

/** What a segment is: kept as it is, kept in the path only, or kept nowhere. */
type Kind = '' | '{id}' | '{email}' | '{digits}' | '{token}'

const LONG_DIGITS = 9
const TOKEN_LENGTH = 20
/** Nothing readable is longer; names of gRPC services come close. */
const WORD_LENGTH = 80
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function readRoute(text: string): Route {
  const from = pathStart(text)
  const to = pathEnd(text, from)
  let path = ''
  let route = ''
  let segments = 0
  let start = from
  let kept = from
  let keptRoute = from
  let full = false
  while (start < to) {
    const slash = text.indexOf('/', start)
    const next = slash < 0 || slash > to ? to : slash
    const semicolon = text.indexOf(';', start)
    const end = semicolon < 0 || semicolon > next ? next : semicolon
    const kind = end === start ? '' : kindOf(text, start, end)
    if ((kind !== '' && kind !== '{id}') || end !== next) {
      path += text.slice(kept, start) + (kind === '' || kind === '{id}' ? text.slice(start, end) : kind)
      kept = next
    }
    if (!full) {
      if (end !== start) segments += 1
      if (segments > MAX_ROUTE_SEGMENTS) {
        route += text.slice(keptRoute, start) + REST
        full = true
      } else if (kind !== '' || end !== next) {
        route += text.slice(keptRoute, start) + (kind === '' ? text.slice(start, end) : kind)
        keptRoute = next
      }
    }
    start = next + 1
  }
  if (!full) route = keptRoute === from ? text.slice(from, to) : route + text.slice(keptRoute, to)
  path = kept === from ? text.slice(from, to) : path + text.slice(kept, to)
  return { path: bounded(path, MAX_PATH_LENGTH), route: bounded(route, MAX_ROUTE_LENGTH) }
}

/** A request to a proxy may name the whole URL; its path starts after the authority. */
function pathStart(text: string): number {
  if (text.charCodeAt(0) === 47 /* / */) return 0
  const scheme = text.indexOf('://')
  if (scheme < 0 || scheme > 8) return 0
  const slash = text.indexOf('/', scheme + 3)
  return slash < 0 ? text.length : slash
}

function pathEnd(text: string, from: number): number {
  const query = text.indexOf('?', from)
  const fragment = text.indexOf('#', from)
  const end = Math.min(query < 0 ? text.length : query, fragment < 0 ? text.length : fragment)
  return Math.min(end, from + 4 * MAX_PATH_LENGTH)
}

function kindOf(text: string, start: number, end: number): Kind {
  const length = end - start
  let digits = 0
  let run = 0
  let longestRun = 0
  let hex = 0
  let letters = 0
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) {
      digits += 1
      run += 1
      if (run > longestRun) longestRun = run
      continue
    }
    run = 0
    const lower = code | 32
    if (lower >= 97 && lower <= 122) {
      letters += 1
      if (lower <= 102) hex += 1
    } else if (code === 64 /* @ */ && at > start && at < end - 1) return '{email}'
    else if (code === 37 /* % */ && text.charCodeAt(at + 1) === 52 && text.charCodeAt(at + 2) === 48 && at > start) {
      return '{email}'
    }
  }
  if (digits === 0) return length > WORD_LENGTH ? '{token}' : ''
  if (length === 36 && UUID.test(text.slice(start, end))) return '{id}'
  if (longestRun >= LONG_DIGITS && letters === 0) return '{digits}'
  if (length > WORD_LENGTH || (length >= TOKEN_LENGTH && digits >= 2 && letters > 0)) return '{token}'
  if (longestRun >= LONG_DIGITS) return '{digits}'
  if (letters === 0 || digits >= 4) return '{id}'
  return length >= 8 && hex + digits === length ? '{id}' : ''
}
