/** One caller: where it calls, where it calls from, which certificates it shows, and who calls it. */
import { dashboard } from './dashboard.ts'
import { IDENTITY_LINK, PAIR_LINK, UID } from './links.ts'
import { table, timeSeries } from './panels.ts'
import { failedCalls } from './queries/calls.ts'
import { incidentTable } from './queries/incidents.ts'
import { outcomes } from './queries/outcomes.ts'
import {
  BUCKET,
  busiest,
  CALLER,
  CALLER_KEY,
  CALLS_FROM_SOURCE,
  FAILED_HANDSHAKES,
  FROM_SOURCE,
  NAMED_SOURCE,
  percent,
  SERVICE,
  shown,
  WINDOWS,
} from './sql.ts'
import { source } from './variables.ts'

export const identity = dashboard({
  uid: UID.identity,
  title: 'Identity',
  description:
    'One caller: the services it calls, the addresses it calls from, the certificates it shows, and who calls it.',
  variables: [source],
  rows: [
    { title: 'Incidents', panels: [incidentTable(NAMED_SOURCE)] },
    {
      title: 'What it does',
      panels: [
        outcomes(FROM_SOURCE),
        timeSeries({
          title: 'Requests by service',
          description: 'A second; the twenty services it calls most.',
          sql: `SELECT ${BUCKET}, ${SERVICE} AS service, sum(requests) / $__interval_s AS requests
FROM windows
WHERE ${WINDOWS} AND ${FROM_SOURCE} AND ${busiest('destination_service', 'sum(requests)', `${WINDOWS} AND ${FROM_SOURCE}`)}
GROUP BY time, destination_service
ORDER BY time, service
LIMIT 20000`,
          width: 12,
          unit: 'reqps',
          label: 'service',
        }),
        timeSeries({
          title: 'Bytes',
          description: 'A second, both ways, as the counted reporter has them.',
          sql: `SELECT ${BUCKET}, sum(bytes_sent) / $__interval_s AS answers, sum(bytes_received) / $__interval_s AS requests
FROM windows
WHERE ${WINDOWS} AND ${FROM_SOURCE}
GROUP BY time
ORDER BY time
LIMIT 20000`,
          width: 12,
          unit: 'Bps',
        }),
        table({
          title: 'Services it calls',
          description: 'The service leads to the pair.',
          width: 12,
          height: 8,
          sql: `SELECT ${shown(CALLER)} AS source, ${shown('source_workload')} AS workload, ${SERVICE} AS service, sum(requests) AS all_requests,
  ${percent('sum(denied)', 'sum(requests)')} AS denied_share, ${percent('sum(server_errors)', 'sum(requests)')} AS error_share,
  sum(${FAILED_HANDSHAKES}) AS failed_handshakes, max(end) AS last_seen
FROM windows
WHERE ${WINDOWS} AND ${FROM_SOURCE}
GROUP BY ${CALLER_KEY}, destination_service
ORDER BY all_requests DESC, service
LIMIT 200`,
          columns: {
            service: { links: [PAIR_LINK] },
            denied_share: { unit: 'percent', decimals: 2 },
            error_share: { unit: 'percent', decimals: 2 },
          },
        }),
      ],
    },
    {
      title: 'Where it calls from',
      panels: [
        table({
          title: 'Addresses and certificates',
          description:
            'As those it calls saw it, in the last three hours of the range. An address that the inventory gives to another identity is how a stolen certificate looks.',
          width: 12,
          sql: `SELECT source_address, ${shown('source_address_identity')} AS address_belongs_to, ${shown('source_workload')} AS workload, tls_peer_serial AS serial,
  max(tls_peer_not_after) AS expires, count() AS calls, max(end) AS last_seen
FROM calls
WHERE $__timeFilter_ms(end) AND end >= $__toTime_ms - INTERVAL 3 HOUR AND reporter = 'destination' AND ${CALLS_FROM_SOURCE}
GROUP BY source_address, source_address_identity, source_workload, serial
ORDER BY last_seen DESC
LIMIT 200`,
        }),
        table({
          title: 'Who calls it',
          description: 'Callers of the services that proved to have this identity.',
          width: 12,
          sql: `SELECT ${shown(CALLER)} AS source, ${shown('source_workload')} AS workload, ${SERVICE} AS service, sum(requests) AS all_requests, sum(denied) AS all_denied,
  max(end) AS last_seen
FROM windows
WHERE ${WINDOWS} AND hasAny(destination_identities, [\${source:singlequote}])
GROUP BY ${CALLER_KEY}, destination_service
ORDER BY all_requests DESC, service
LIMIT 200`,
          columns: { source: { links: [IDENTITY_LINK] }, service: { links: [PAIR_LINK] } },
        }),
      ],
    },
    {
      title: 'Single calls',
      panels: [failedCalls('1 = 1')],
    },
  ],
})
