/** What the stored calls of the last hours hold, per destination service: the facts `eastwatch doctor` judges by. */
export interface ServiceFacts {
  service: string
  records: number
  /** Shares from 0 to 1, each of the requests that could have it: none of a failed handshake, say. */
  sourceIdentity: number
  destinationIdentity: number
  tlsVersion: number
  /** Of HTTP requests only: no proxy writes finer times for TCP. */
  microseconds: number
  policyDecided: number
  claimed: number
  /** Requests the first three and `policyDecided` were judged by. */
  connected: number
  /** Which proxies report its calls. */
  bySource: number
  byDestination: number
  /** Requests that are HTTP or gRPC. */
  http: number
  connections: number
  successes: number
  /** Newest record, epoch seconds. */
  newest: number
}

/** Records that could not be read, by reason. */
export interface RejectedFacts {
  reason: string
  records: number
  /** Of one of them. */
  detail: string
}

/** Services told of; the busiest come first. */
export const MOST_SERVICES = 1000

const REQUEST = "kind = 'request'"
/** Where no connection came about, the proxy knows nothing of the other side. */
const CONNECTED = `${REQUEST} AND outcome NOT IN ('tls_failure', 'connect_failure')`
/** Denials are answered by the proxy itself, which does not write its finer times for all of them. */
const TIMED = `${REQUEST} AND protocol IN ('http', 'grpc') AND outcome NOT IN ('denied', 'tls_failure', 'connect_failure')`

/** Nothing to judge counts as whole. */
const share = (condition: string, of: string) =>
  `if(countIf(${of}) = 0, 1, countIf(${of} AND ${condition}) / countIf(${of}))`

export function coverageSql(hours: number): string {
  return `SELECT destination_service AS service,
    toUInt32(count()) AS records,
    ${share("source_identity != ''", CONNECTED)} AS sourceIdentity,
    ${share("destination_identity != ''", CONNECTED)} AS destinationIdentity,
    ${share("tls_version != ''", CONNECTED)} AS tlsVersion,
    ${share('duration_step_us = 1', TIMED)} AS microseconds,
    ${share("decision != 'unknown'", CONNECTED)} AS policyDecided,
    countIf(trust = 'claimed') / count() AS claimed,
    toUInt32(countIf(${CONNECTED})) AS connected,
    toUInt32(countIf(reporter = 'source')) AS bySource,
    toUInt32(countIf(reporter = 'destination')) AS byDestination,
    toUInt32(countIf(${REQUEST} AND protocol IN ('http', 'grpc'))) AS http,
    toUInt32(countIf(kind = 'connection')) AS connections,
    toUInt32(countIf(${REQUEST} AND outcome = 'ok')) AS successes,
    toUInt32(toUnixTimestamp(max(end))) AS newest
  FROM eastwatch.calls
  WHERE end > now() - INTERVAL ${Math.floor(hours)} HOUR
  GROUP BY destination_service
  ORDER BY records DESC, service
  LIMIT ${MOST_SERVICES}`
}

export function rejectedSql(hours: number): string {
  return `SELECT reason, toUInt32(count()) AS records, any(detail) AS detail
  FROM eastwatch.rejected
  WHERE received > now() - INTERVAL ${Math.floor(hours)} HOUR
  GROUP BY reason
  ORDER BY records DESC
  LIMIT 20`
}
