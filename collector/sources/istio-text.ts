/**
 * Istio's default access log line. Envoy does not escape quotes in it, and method, path, X-Forwarded-For, User-Agent, request id,
 * authority and SNI are a stranger's words, so that each may imitate any part of the line.
 *
 *   [start] "METHOD PATH PROTOCOL" CODE FLAGS DETAILS TERMINATION "UPSTREAM FAILURE" RECEIVED SENT MS MS
 *     "X-FORWARDED-FOR" "USER-AGENT" "REQUEST-ID" "AUTHORITY" "UPSTREAM HOST" CLUSTER LOCAL LOCAL REMOTE SNI ROUTE
 *
 * Three marks cut it: the end of the request, the four numbers, the upstream host. A line as Envoy writes it has each of them, so
 * one that has each exactly once is cut rightly, and one that has any twice is ambiguous and rejected. Between the second and the
 * third mark a quote too many makes request id and authority unknown, and nothing else.
 */
import { FIELD } from '../otlp/log-record.ts'
import type { Unreadable } from './source.ts'

/** Longest line taken, in characters. */
export const MAX_LINE_LENGTH = 32_768

const START = /^\[(\d{4}-\d\d-\d\dT[0-9:.]+Z)\] "/
const REQUEST_END = / (HTTP\/\d(?:\.\d)?|-)" (\d{1,3}|-) ([\w,]+|-) (\S+) /g
const NUMBERS = /" (\d+|-) (\d+|-) (\d+|-) (\d+|-) "/g
const UPSTREAM_HOST = /" "([^"]*)" ([^\s"]+) ([^\s"]+) ([^\s"]+) ([^\s"]+) /g
const TAIL = /^(\S+) (\S+)\r?\n?$/

/** The values of a line where the record's own attributes are silent, or why it cannot be read. */
export function fillFromLine(attributes: readonly string[], line: string): { values: string[] } | Unreadable {
  const start = line.length <= MAX_LINE_LENGTH ? START.exec(line) : null
  if (start === null) return anotherText
  const marks = [REQUEST_END, NUMBERS, UPSTREAM_HOST].map((mark) => matches(mark, line))
  if (marks.some((found) => found.length === 0)) return anotherText
  const [request, numbers, host] = marks.map((found) => found[0]) as [Match, Match, Match]
  if (marks.some((found) => found.length > 1)) return ambiguous
  const requestEnd = request.index + request[0].length
  const tail = TAIL.exec(line.slice(host.index + host[0].length))
  if (tail === null || requestEnd > numbers.index || numbers.index + numbers[0].length > host.index) return ambiguous

  const asked = line.slice(start[0].length, request.index)
  const space = asked.indexOf(' ')
  const failure = line.slice(requestEnd, numbers.index).split('"')
  if (space <= 0 || failure.length !== 2) return ambiguous
  const headers = line.slice(numbers.index + numbers[0].length, host.index).split('" "')
  const clear = headers.length === 4 && !headers.some((header) => header.includes('"'))

  const values = [...attributes]
  const fill = (field: number, text: string | undefined): void => {
    if (values[field] === '' && text !== undefined && text !== '-') values[field] = text
  }
  fill(FIELD.startTime, start[1])
  fill(FIELD.method, asked.slice(0, space))
  fill(FIELD.path, asked.slice(space + 1))
  fill(FIELD.protocol, request[1])
  fill(FIELD.responseCode, request[2])
  fill(FIELD.responseFlags, request[3])
  fill(FIELD.responseCodeDetails, request[4])
  fill(FIELD.connectionTerminationDetails, failure[0]?.trim())
  fill(FIELD.upstreamTransportFailureReason, failure[1])
  fill(FIELD.bytesReceived, numbers[1])
  fill(FIELD.bytesSent, numbers[2])
  fill(FIELD.duration, numbers[3])
  if (clear) {
    fill(FIELD.requestId, headers[2])
    fill(FIELD.authority, headers[3])
  }
  fill(FIELD.upstreamHost, host[1])
  fill(FIELD.upstreamCluster, host[2])
  fill(FIELD.upstreamLocalAddress, host[3])
  fill(FIELD.downstreamLocalAddress, host[4])
  fill(FIELD.downstreamRemoteAddress, host[5])
  fill(FIELD.requestedServerName, tail[1])
  fill(FIELD.routeName, tail[2])
  return { values }
}

const anotherText: Unreadable = {
  reason: 'not_an_access_log',
  detail: `The text is no line of Istio's default access log format of at most ${MAX_LINE_LENGTH} characters.`,
}

const ambiguous: Unreadable = {
  reason: 'text_line_ambiguous',
  detail:
    'A quote or space in a header makes the line readable in several ways; send attributes (docs/connect-istio.md).',
}

type Match = RegExpExecArray

/** The first two places where the pattern matches, overlaps included. */
function matches(pattern: RegExp, line: string): Match[] {
  const found: Match[] = []
  pattern.lastIndex = 0
  for (let match = pattern.exec(line); match !== null && found.length < 2; match = pattern.exec(line)) {
    found.push(match)
    pattern.lastIndex = match.index + 1
  }
  return found
}
