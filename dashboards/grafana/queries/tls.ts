/** Failed handshakes by class. Both ends may tell of one: of a window and class the larger count holds, never the sum. */
import { BUCKET, WINDOWS } from '../sql.ts'

export function tlsFailures(where: string): string {
  return `(
  SELECT start, destination_service, failure, rejected_by,
    greatest(sumIf(count, reported_by = 'source'), sumIf(count, reported_by != 'source')) AS failures
  FROM windows
  ARRAY JOIN tls.reporter AS reported_by, tls.failure AS failure, tls.rejected_by AS rejected_by, tls.count AS count
  WHERE ${WINDOWS} AND notEmpty(tls.count) AND ${where}
  GROUP BY start, source_identity, source_workload, source_namespace, source_address, destination_service, failure, rejected_by
)`
}

export function tlsFailuresByClass(where: string): string {
  return `SELECT ${BUCKET}, failure, sum(failures) AS failures
FROM ${tlsFailures(where)}
GROUP BY time, failure
ORDER BY time, failure
LIMIT 20000`
}
