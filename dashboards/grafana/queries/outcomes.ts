/** Requests over time by how they ended, and how long they took. */
import { timeSeries } from '../panels.ts'
import { BUCKET, meanQuantile, WINDOWS } from '../sql.ts'

export function outcomes(where: string, width = 12) {
  const rate = (column: string) => `sum(${column}) / $__interval_s AS ${column}`
  return timeSeries({
    title: 'Requests by outcome',
    description: 'A second, each request counted once.',
    sql: `SELECT ${BUCKET}, ${['ok', 'client_errors', 'server_errors', 'denied', 'connect_failures', 'tls_failures'].map(rate).join(', ')}
FROM windows
WHERE ${WINDOWS} AND ${where}
GROUP BY time
ORDER BY time
LIMIT 20000`,
    width,
    unit: 'reqps',
    stacked: true,
  })
}

const QUANTILE_TEXT =
  'Mean of the quantiles of ten-second windows, by their samples: a quantile of the whole span is not kept.'

export function durations(where: string, width = 12) {
  const quantile = (name: string, end: string) =>
    `${meanQuantile(`${end}_${name}_us`, `${end}_samples`)} AS ${end}_${name}`
  return timeSeries({
    title: 'Duration at both proxies',
    description: `Median and 95th percentile, as each of the two proxies has it. ${QUANTILE_TEXT}`,
    sql: `SELECT ${BUCKET}, ${['p50', 'p95'].flatMap((name) => ['source', 'destination'].map((end) => quantile(name, end))).join(',\n  ')}
FROM windows
WHERE ${WINDOWS} AND ${where}
GROUP BY time
ORDER BY time
LIMIT 20000`,
    width,
    unit: 'µs',
  })
}

export function gap(where: string, width = 12) {
  const quantile = (name: string) => `${meanQuantile(`gap_${name}_us`, 'gap_samples')} AS ${name}`
  return timeSeries({
    title: 'Gap between both proxies',
    description: `Time that neither proxy spent: the network, or something in between. ${QUANTILE_TEXT}`,
    sql: `SELECT ${BUCKET}, ${['p10', 'p50', 'p95'].map(quantile).join(',\n  ')}
FROM windows
WHERE ${WINDOWS} AND gap_samples > 0 AND ${where}
GROUP BY time
ORDER BY time
LIMIT 20000`,
    width,
    unit: 'µs',
  })
}
