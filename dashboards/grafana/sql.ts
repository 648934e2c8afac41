/**
 * Pieces of ClickHouse SQL that the dashboards share. `$__...` are macros of Grafana's ClickHouse plugin, `${...}` are variables.
 *
 * Every query names a range of time and a LIMIT. What is told over long ranges comes from `windows`; `calls` is asked for single calls.
 */

/**
 * A text from telemetry, as it is shown and as it becomes the value of a variable. Grafana's `singlequote` escapes quotes, but no
 * backslash, so a hostile name could end its literal; and the plugin would expand a macro in a name. Escaped here, in ClickHouse's own
 * way, every name stands for itself within single quotes. Names without such characters are not changed.
 */
export function shown(text: string): string {
  return String.raw`replaceAll(replaceAll(replaceAll(${text}, '\\', '\\\\'), '\x27', '\\x27'), '\x24', '\\x24')`
}

/**
 * The source of a pair: its identity, else its workload, else its address. Grouped by CALLER_KEY it is one value a group, and an identity
 * that several workloads share has a group for each of them.
 */
export const CALLER =
  "if(source_identity != '', source_identity, if(source_workload != '', concat(source_workload, '.', source_namespace), source_address))"
export const CALLER_KEY = 'source_identity, source_workload, source_namespace, source_address'
/** Findings and incidents have the same columns but the address, or have none. */
export const NAMED_CALLER =
  "if(source_identity != '', source_identity, if(source_workload != '', concat(source_workload, '.', source_namespace), ''))"

/** The service as it is shown; group by the column. */
export const SERVICE = shown('destination_service')

/** Rows whose caller is the value of the variable `source`; written so that the column of the identity is read first. */
export const FROM_SOURCE =
  "(source_identity IN (${source:singlequote}) OR (source_identity = '' AND " +
  "if(source_workload != '', concat(source_workload, '.', source_namespace), source_address) IN (${source:singlequote})))"
/** The same of `calls`, where a failed handshake names nobody: there the inventory's word for the address holds. */
export const CALLS_FROM_SOURCE = `(${FROM_SOURCE} OR (source_identity = '' AND source_address_identity IN (\${source:singlequote})))`
/** The same of findings and incidents. */
export const NAMED_SOURCE =
  "(source_identity IN (${source:singlequote}) OR (source_identity = '' AND concat(source_workload, '.', source_namespace) IN (${source:singlequote})))"

/** Rows of the services chosen in the variable `service`, of which several may be chosen, or all. */
export const OF_SERVICES = '$__conditionalAll(destination_service IN (${service:singlequote}), $service)'
/** Rows of the one service in the variable `service`. */
export const OF_SERVICE = 'destination_service IN (${service:singlequote})'

/** Windows of the range; unverified senders' are in rows of their own and are not counted. */
export const WINDOWS = "$__timeFilter(end) AND trust = 'verified'"
/** Start of the bucket of a window, for series over time. */
export const BUCKET = '$__timeInterval(start) AS time'

/** Length of the range in seconds. */
export const RANGE_SECONDS = '(toUnixTimestamp($__toTime) - toUnixTimestamp($__fromTime))'

/** The column that tells whether an incident is open, and how: the one place to change when there are more states. */
export const INCIDENT_STATE = 'status'
export const IS_OPEN = `${INCIDENT_STATE} = 'open'`
/** Incidents that were open at some time of the range. */
export const INCIDENTS = `opened_at <= $__toTime_ms AND (${IS_OPEN} OR resolved_at >= $__fromTime_ms)`

/**
 * Failed handshakes of a window: what both ends tell of is not two failures, so the larger count holds. The column `tls_failures` is
 * about requests alone.
 */
export const FAILED_HANDSHAKES =
  "if(empty(tls.count), 0, greatest(arraySum(arrayMap((n, by) -> if(by = 'source', n, 0), tls.count, tls.reporter)), " +
  "arraySum(arrayMap((n, by) -> if(by = 'source', 0, n), tls.count, tls.reporter))))"

/** Mean of a quantile of windows, by how many samples stand behind each; NULL where there are none. */
export function meanQuantile(column: string, samples: string): string {
  return `if(sum(${samples}) = 0, NULL, sum(${column} * ${samples}) / sum(${samples}))`
}

/** `part` of `whole` in per cent, 0 where there is nothing. */
export function percent(part: string, whole: string): string {
  return `if(${whole} = 0, 0, 100 * ${part} / ${whole})`
}

/** The values of `label` with the most of `measure`: a series for each of a thousand services could not be read. */
export function busiest(label: string, measure: string, where: string): string {
  return `${label} IN (
    SELECT ${label} FROM windows WHERE ${where} GROUP BY ${label} ORDER BY ${measure} DESC, ${label} LIMIT 20
  )`
}
