/** What stands out about the calls of a pair. Pure. */
import { z } from 'zod'

/** The worst first. */
export const PATH_STATES = ['outside', 'denied', 'failing', 'plaintext', 'new', 'undecided', 'authorised'] as const
export const PathState = z
  .enum(PATH_STATES)
  .describe(
    'outside: answered although no policy allows it. failing: a handshake failed, or 5 % and more of the requests. new: seen for the first time, as new_path says. undecided: no declared policy decides it.',
  )
export type PathState = z.output<typeof PathState>

const FAILING_SHARE = 0.05

export interface Counts {
  requests: number
  denied: number
  plaintext: number
  errors: number
  tlsFailures: number
  allowed: number
  outside: number
  isNew: boolean
}

/** All that hold, the worst first; at least one. */
export function statesOf(counts: Counts): PathState[] {
  const { requests, denied, plaintext, errors, tlsFailures, allowed, outside, isNew } = counts
  const holds: Record<PathState, boolean> = {
    outside: outside > 0,
    denied: denied > 0,
    failing: tlsFailures > 0 || (errors > 0 && errors >= FAILING_SHARE * requests),
    plaintext: plaintext > 0,
    new: isNew,
    undecided: allowed === 0 && outside === 0 && denied === 0,
    authorised: allowed > 0 && outside === 0,
  }
  return PATH_STATES.filter((state) => holds[state])
}
