/** Single calls, the newest first, each with its trace. */
import { TRACE_LINK } from '../links.ts'
import { table } from '../panels.ts'
import { CALLER, shown } from '../sql.ts'

interface Calls {
  title: string
  description: string
  /** Further conditions on columns of `calls`. */
  where: string
  order?: 'newest' | 'oldest'
}

export function callTable({ title, description, where, order = 'newest' }: Calls) {
  return table({
    title,
    description,
    width: 24,
    sql: `SELECT end AS time, reporter, ${shown(CALLER)} AS source, source_address, destination_service AS service, method, path, status,
  outcome, denial_policy, tls_failure, duration_us AS duration, trust, request_id, trace_id AS trace
FROM calls
WHERE $__timeFilter_ms(end) AND ${where}
ORDER BY ${order === 'newest' ? 'end DESC' : 'start'}
LIMIT 200`,
    columns: { time: { width: 190 }, duration: { unit: 'µs' }, trace: { links: [TRACE_LINK] } },
  })
}

/** Calls that did not do what they were to do. */
export const FAILED = "outcome IN ('denied', 'tls_failure', 'connect_failure', 'server_error')"
