/** Says of each failure of the store what to do about it, and whether it is worth another try. */
import { ClickHouseError } from '@clickhouse/client'
import { messageOf, PipelineError } from '../core/errors.ts'
import { type TlsProblem, tlsProblemOf } from '../core/tls-error.ts'

/** Codes that say "not now". https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp */
const PASSING = new Set([
  '3', // UNEXPECTED_END_OF_FILE: the body was cut
  '159', // TIMEOUT_EXCEEDED
  '164', // READONLY: a server that is in read-only mode for now
  '198', // DNS_ERROR: of another replica's name
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '225', // NO_ZOOKEEPER
  '236', // ABORTED: the server is going down
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '279', // ALL_CONNECTION_TRIES_FAILED: to other replicas
  '285', // TOO_FEW_LIVE_REPLICAS: no majority
  '286', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  '319', // UNKNOWN_STATUS_OF_INSERT
  '341', // UNFINISHED: a change that replicas are still at
  '394', // QUERY_WAS_CANCELLED
  '517', // CANNOT_ASSIGN_ALTER: another program changes the table too
  '999', // KEEPER_EXCEPTION
])
const DISK_FULL = /no space left on device|ENOSPC|disk quota exceeded/i

/** UNKNOWN_USER, REQUIRED_PASSWORD, WRONG_PASSWORD, AUTHENTICATION_FAILED; which one depends on the server's version. */
const REFUSED = new Set(['192', '193', '194', '516'])
const ACCESS_DENIED = '497'

const TLS_ADVICE: Record<TlsProblem, string> = {
  untrusted:
    'the certificate of the store is not trusted: storage.tls.ca must hold the authority that signed it, for the host in storage.url',
  certificate_wanted:
    "the store does not take this program's certificate: set storage.tls.certificate and storage.tls.key to one that it trusts",
  not_tls: 'the store does not speak TLS at this port: storage.url must name its https port',
}

const MAX_TEXT = 2000

export function isLogInRefused({ code }: ClickHouseError): boolean {
  return REFUSED.has(code)
}

/**
 * `config` for what only its operator can mend: told at a start, and, where a certificate is to blame, tried again later, as those
 * are renewed. `what` was tried as the user `username`.
 */
export function storeError(what: string, username: string, cause: unknown): PipelineError {
  return cause instanceof ClickHouseError ? refusal(what, username, cause) : failure(what, cause)
}

function refusal(what: string, username: string, cause: ClickHouseError): PipelineError {
  const text = messageOf(cause).slice(0, MAX_TEXT).trim()
  if (isLogInRefused(cause)) {
    return new PipelineError(
      'config',
      `the store refuses the user ${username}: storage.username or storage.password is wrong (code ${cause.code})`,
      { cause },
    )
  }
  if (cause.code === ACCESS_DENIED) {
    const grant = /necessary to have (?:the )?grant (.+?)\.?$/.exec(text)?.[1]
    const advice = grant === undefined ? '' : `: GRANT ${grant} TO ${username}`
    return new PipelineError(
      'config',
      `${what}: the user ${username} lacks a right${advice}; deploy/clickhouse/users.sql has all that are needed. ` +
        `ClickHouse: ${text} (code ${cause.code})`,
      { cause },
    )
  }
  const passing = PASSING.has(cause.code) || DISK_FULL.test(text)
  return new PipelineError(
    passing ? 'store_unavailable' : 'store_rejected',
    `${what}: ClickHouse ${passing ? 'cannot now' : 'refuses'}: ${text} (code ${cause.code})`,
    { retriable: passing, cause },
  )
}

/** No answer, or none of ClickHouse's. */
function failure(what: string, cause: unknown): PipelineError {
  const { code = '' } = cause as NodeJS.ErrnoException
  // An attempt at several addresses that all failed has a code and no message.
  const why = messageOf(cause).slice(0, MAX_TEXT) || code
  const problem = tlsProblemOf(code, why)
  return problem === undefined
    ? new PipelineError('store_unavailable', `${what}: the store does not answer: ${why}`, { retriable: true, cause })
    : new PipelineError('config', `${what}: ${TLS_ADVICE[problem]} (${why})`, { retriable: true, cause })
}
