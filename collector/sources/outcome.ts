/** How a call ended, for calls that no policy and no handshake stopped. */
import type { Call, Outcome } from '../../core/call.ts'
import { hasFlag } from './response-flags.ts'

/**
 * gRPC statuses that are the server's fault, as OpenTelemetry's conventions have them: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
 * INTERNAL, UNAVAILABLE, DATA_LOSS.
 */
const GRPC_SERVER_ERRORS = new Set([2, 4, 12, 13, 14, 15])

/** Flags with which a connection without HTTP status never reached its destination. */
const UNREACHED = ['UF', 'UH', 'NR', 'NC', 'UO', 'DF']

export function readOutcome(call: Call, details: string): Outcome {
  const flags = call.responseFlags
  // At the callee's end the failed connection is the one to its own application: to the caller that is a server's error.
  if (flags !== '' && call.reporter !== 'destination' && hasFlag(flags, 'UF')) return 'connect_failure'
  if (call.status >= 500 || details === 'ext_authz_error') return 'server_error'
  if (call.grpcStatus > 0) return GRPC_SERVER_ERRORS.has(call.grpcStatus) ? 'server_error' : 'client_error'
  if (call.status >= 400) return 'client_error'
  if (flags === '' || call.status > 0) return 'ok'
  if (call.protocol !== 'tcp') return 'client_error'
  if (!UNREACHED.some((flag) => hasFlag(flags, flag))) return 'ok'
  return call.reporter === 'destination' ? 'server_error' : 'connect_failure'
}
