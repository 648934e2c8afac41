/** Single calls, the newest first, each with its trace. */
import { TRACE_LINK } from '../links.ts'
import { table } from '../panels.ts'
import { CALLER, CALLS_FROM_SOURCE, FROM_SOURCE, SERVICE, shown } from '../sql.ts'

/** Rows of a table of calls. */
const MOST_CALLS = 200

const COLUMNS = `end AS time, reporter, ${shown(CALLER)} AS source, source_address, ${SERVICE} AS service, method, path,
  status, outcome, denial_policy, tls_failure, duration_us AS duration, trust, request_id, trace_id AS trace`

interface Calls {
  title: string
  description: string
  /** Which calls, as a condition on columns of `calls`. */
  calls: string
  /** Which windows have at least one such call, as a condition on columns of `windows`. */
  windows: string
  /** On columns that both tables have. */
  where: string
  /** Those of the variable `source` alone. */
  ofSource: boolean
}

/**
 * A day may have millions of calls to look through for the newest. Windows tell where those are: the newest 200 windows with such a
 * call hold 200 of them, so nothing before them is looked at. Where there are fewer, the whole range is.
 */
export function newestCalls({ title, description, calls, windows, where, ofSource }: Calls) {
  const [callsOf, windowsOf] = ofSource ? [` AND ${CALLS_FROM_SOURCE}`, ` AND ${FROM_SOURCE}`] : ['', '']
  return callTable(
    title,
    description,
    `calls
WHERE $__timeFilter_ms(end) AND ${calls} AND ${where}${callsOf}
  AND end >= (
    SELECT if(count() < ${MOST_CALLS}, $__fromTime, min(start))
    FROM (SELECT start FROM windows WHERE $__timeFilter(end) AND ${windows} AND ${where}${windowsOf} ORDER BY end DESC LIMIT ${MOST_CALLS})
  )
ORDER BY end DESC`,
  )
}

/**
 * Calls of the trace or request in the variable `trace_id`, in the order in which they began. Each of the two ids has an index: asked for
 * one after the other both serve, with OR between them hardly. Without an id there are no calls.
 */
export function callsOfTrace(title: string, description: string) {
  const wanted = '(${trace_id:singlequote})'
  const calls = `(
  SELECT * FROM calls WHERE $__timeFilter_ms(end) AND trace_id IN ${wanted} AND trace_id != ''
  UNION ALL
  SELECT * FROM calls WHERE $__timeFilter_ms(end) AND request_id IN ${wanted} AND request_id != '' AND trace_id NOT IN ${wanted}
)`
  return callTable(title, description, `${calls}\nORDER BY start`)
}

function callTable(title: string, description: string, from: string) {
  return table({
    title,
    description,
    width: 24,
    sql: `SELECT ${COLUMNS}\nFROM ${from}\nLIMIT ${MOST_CALLS}`,
    columns: { time: { width: 190 }, duration: { unit: 'µs' }, trace: { links: [TRACE_LINK] } },
  })
}

/** Calls of the variable `source` that did not do what they were to do. */
export function failedCalls(where: string) {
  return newestCalls({
    title: 'Calls that failed',
    description: 'Denied, refused in the handshake, or answered by an error. The trace leads to every call of it.',
    calls: "outcome IN ('denied', 'tls_failure', 'connect_failure', 'server_error')",
    windows: '(denied + server_errors + connect_failures > 0 OR notEmpty(tls.count))',
    where,
    ofSource: true,
  })
}
