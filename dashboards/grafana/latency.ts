/** How long calls take, and the time between both proxies that neither of them spent. */
import { dashboard } from './dashboard.ts'
import { PAIR_LINK, UID } from './links.ts'
import { stat, table, timeSeries } from './panels.ts'
import { incidentTable } from './queries/incidents.ts'
import { durations, gap } from './queries/outcomes.ts'
import {
  BUCKET,
  busiest,
  CALLER,
  CALLER_KEY,
  meanQuantile,
  OF_SERVICES,
  percent,
  SERVICE,
  shown,
  WINDOWS,
} from './sql.ts'
import { services } from './variables.ts'

function perService(title: string, description: string, column: string, samples: string) {
  const where = `${WINDOWS} AND ${samples} > 0 AND ${OF_SERVICES}`
  return timeSeries({
    title,
    description,
    sql: `SELECT ${BUCKET}, ${SERVICE} AS service, ${meanQuantile(column, samples)} AS duration
FROM windows
WHERE ${where} AND ${busiest('destination_service', 'sum(requests)', where)}
GROUP BY time, destination_service
ORDER BY time, service
LIMIT 20000`,
    width: 12,
    unit: 'µs',
    label: 'service',
  })
}

export const latency = dashboard({
  uid: UID.latency,
  title: 'Latency and gap',
  description:
    'Durations at both proxies, and the gap between them: added time that neither spent is what an interceptor looks like.',
  variables: [services],
  rows: [
    {
      title: 'Gap',
      panels: [
        stat({
          title: 'Gap known',
          description:
            'Share of the windows in which calls of both proxies could be joined. Without sub-millisecond durations there is none.',
          sql: `SELECT ${percent('countIf(gap_samples > 0)', 'count()')} AS known FROM windows WHERE ${WINDOWS} AND ${OF_SERVICES} LIMIT 1`,
          width: 6,
          height: 8,
          unit: 'percent',
          decimals: 1,
        }),
        gap(OF_SERVICES, 18),
        table({
          title: 'Pairs by gap',
          description:
            'Of the newer half of the range against the older one: a pair that changed stands first. Both means are of the windows’ medians.',
          width: 24,
          sql: `SELECT ${shown(CALLER)} AS source, ${shown('source_workload')} AS workload, ${SERVICE} AS service,
  ${meanQuantile('gap_p50_us', 'gap_samples')} AS gap_median,
  sumIf(gap_p50_us * gap_samples, newer) / sumIf(gap_samples, newer) - sumIf(gap_p50_us * gap_samples, NOT newer) / sumIf(gap_samples, NOT newer) AS change,
  ${meanQuantile('gap_p95_us', 'gap_samples')} AS gap_p95, sum(gap_samples) AS samples
FROM (
  SELECT *, toUnixTimestamp(end) > (toUnixTimestamp($__fromTime) + toUnixTimestamp($__toTime)) / 2 AS newer
  FROM windows
  WHERE ${WINDOWS} AND gap_samples > 0 AND ${OF_SERVICES}
)
GROUP BY ${CALLER_KEY}, destination_service
ORDER BY if(isFinite(change), abs(change), -1) DESC, samples DESC, service
LIMIT 200`,
          columns: {
            service: { links: [PAIR_LINK] },
            gap_median: { unit: 'µs', decimals: 0 },
            change: { unit: 'µs', decimals: 0 },
            gap_p95: { unit: 'µs', decimals: 0 },
          },
        }),
      ],
    },
    {
      title: 'Latency',
      panels: [
        durations(OF_SERVICES, 24),
        perService(
          'Median by service',
          'As the service’s own proxy has it; the twenty busiest services.',
          'destination_p50_us',
          'destination_samples',
        ),
        perService(
          '95th percentile by service',
          'As the service’s own proxy has it; the twenty busiest services.',
          'destination_p95_us',
          'destination_samples',
        ),
        incidentTable(`detector = 'latency_shift' AND ${OF_SERVICES}`),
      ],
    },
  ],
})
