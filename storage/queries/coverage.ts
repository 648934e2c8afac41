/** What the stored calls of the last hours hold, per destination service: the facts `eastwatch doctor` judges by. */
export interface ServiceFacts {
  service: string
  records: number
  /** Shares from 0 to 1 of the records that should have each. */
  sourceIdentity: number
  destinationIdentity: number
  tlsVersion: number
  microseconds: number
  policyDecided: number
  /** Which proxies report its calls. */
  bySource: number
  byDestination: number
  connections: number
  successes: number
  claimed: number
  /** Newest record, epoch seconds. */
  newest: number
}

const share = (condition: string, of = "kind = 'request'") =>
  `countIf(${of} AND ${condition}) / greatest(1, countIf(${of}))`

export function coverageSql(hours: number): string {
  return `SELECT destination_service AS service,
    toUInt32(count()) AS records,
    ${share("source_identity != ''")} AS sourceIdentity,
    ${share("destination_identity != ''")} AS destinationIdentity,
    ${share("tls_version != ''")} AS tlsVersion,
    ${share('duration_step_us = 1')} AS microseconds,
    ${share("decision != 'unknown'")} AS policyDecided,
    toUInt32(countIf(reporter = 'source')) AS bySource,
    toUInt32(countIf(reporter = 'destination')) AS byDestination,
    toUInt32(countIf(kind = 'connection')) AS connections,
    toUInt32(countIf(kind = 'request' AND outcome = 'ok')) AS successes,
    toUInt32(countIf(trust = 'claimed')) AS claimed,
    toUInt32(toUnixTimestamp(max(end))) AS newest
  FROM eastwatch.calls
  WHERE end > now() - INTERVAL ${Math.floor(hours)} HOUR
  GROUP BY destination_service
  ORDER BY records DESC
  LIMIT 1000`
}
