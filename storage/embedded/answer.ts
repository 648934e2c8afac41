/** Answers of the HTTP interface: results, summaries and errors as ClickHouse gives them. */
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { EngineError, type EngineResult } from './engine.ts'
import type { Unsent } from './unsent.ts'

const compress = promisify(gzip)

/** ClickHouse's codes for what is refused before the engine sees it. */
export const CODE = {
  syntax: 62,
  unknownFormat: 73,
  accessDenied: 497,
  tooBusy: 202,
  authentication: 516,
  tooLarge: 396,
  unknown: 1001,
}

/** As ClickHouse's `exceptionCodeToHTTPStatus`, where it matters to a client. */
const STATUS: Record<number, number> = {
  36: 400, // BAD_ARGUMENTS
  46: 404, // UNKNOWN_FUNCTION
  47: 404, // UNKNOWN_IDENTIFIER
  60: 404, // UNKNOWN_TABLE
  62: 400, // SYNTAX_ERROR
  73: 400, // UNKNOWN_FORMAT
  81: 404, // UNKNOWN_DATABASE
  115: 400, // UNKNOWN_SETTING
  159: 408, // TIMEOUT_EXCEEDED
  164: 403, // READONLY
  202: 503, // TOO_MANY_SIMULTANEOUS_QUERIES
  394: 499, // QUERY_WAS_CANCELLED
  396: 413, // TOO_MANY_ROWS_OR_BYTES
  457: 400, // BAD_QUERY_PARAMETER
  456: 400, // UNKNOWN_QUERY_PARAMETER
  497: 403, // ACCESS_DENIED
  516: 401, // AUTHENTICATION_FAILED
}

export async function answerResult(
  response: ServerResponse,
  result: EngineResult,
  options: { gzip: boolean; written: boolean; unsent: Unsent },
): Promise<void> {
  const rows = String(result.readRows)
  const bytes = String(result.readBytes)
  const summary = {
    read_rows: rows,
    read_bytes: bytes,
    written_rows: options.written ? rows : '0',
    written_bytes: options.written ? bytes : '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: String(result.bytes.length),
    elapsed_ns: String(result.elapsedNs),
  }
  response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary))
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  const body = options.gzip && result.bytes.length > 0 ? await compress(result.bytes) : result.bytes
  if (body !== result.bytes) response.setHeader('Content-Encoding', 'gzip')
  response.setHeader('Content-Length', body.length)
  options.unsent.add(response, body.length)
  response.end(body)
}

export function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { code, message } = classify(error)
  const body = `Code: ${code}. DB::Exception: ${message}\n`
  response.statusCode = STATUS[code] ?? 500
  response.setHeader('X-ClickHouse-Exception-Code', String(code))
  if (code === CODE.tooBusy) response.setHeader('Retry-After', '1')
  if (code === CODE.authentication) response.setHeader('WWW-Authenticate', 'Basic realm="ClickHouse server HTTP API"')
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}

function classify(error: unknown): { code: number; message: string } {
  if (error instanceof EngineError) return { code: error.code, message: error.message }
  const message = messageOf(error)
  if (error instanceof PipelineError) {
    const code = error.code === 'too_large' ? CODE.tooLarge : error.retriable ? CODE.tooBusy : CODE.accessDenied
    const name = { [CODE.tooLarge]: 'TOO_MANY_ROWS_OR_BYTES', [CODE.tooBusy]: 'TOO_MANY_SIMULTANEOUS_QUERIES' }[code]
    return { code, message: `${message} (${name ?? 'ACCESS_DENIED'})` }
  }
  return { code: CODE.unknown, message: `${message} (STD_EXCEPTION)` }
}
