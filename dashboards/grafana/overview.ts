/** The first page: is anything wrong, where, and can it be seen at all? */
import { dashboard } from './dashboard.ts'
import { LATENCY_LINK, UID } from './links.ts'
import { nodeGraph, stat, table, timeSeries } from './panels.ts'
import { denialsByPolicy } from './queries/denials.ts'
import { incidentTable } from './queries/incidents.ts'
import { MAP_ARCS, MAP_EDGES, MAP_NODES } from './queries/service-map.ts'
import { tlsFailuresByClass } from './queries/tls.ts'
import { FAILED_HANDSHAKES, INCIDENTS, IS_OPEN, OF_SERVICES, percent, RANGE_SECONDS, SERVICE, WINDOWS } from './sql.ts'
import { services } from './variables.ts'

const SHOWN_INCIDENTS = `$__conditionalAll((destination_service IN (\${service:singlequote}) OR destination_service = ''), $service)`

const totals = (select: string) => `SELECT ${select} FROM windows WHERE ${WINDOWS} AND ${OF_SERVICES} LIMIT 1`

export const overview = dashboard({
  uid: UID.overview,
  title: 'Overview',
  description:
    'Incidents, who calls whom, denials, failed handshakes, and how much of the traffic Eastwatch can judge.',
  variables: [services],
  rows: [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'Open incidents',
          description: 'By severity, of all services.',
          sql: `SELECT countIf(severity = 'critical') AS critical, countIf(severity = 'high') AS high,
  countIf(severity = 'warning') AS warning, countIf(severity = 'info') AS info
FROM incidents FINAL
WHERE ${INCIDENTS} AND ${IS_OPEN}
LIMIT 1`,
          width: 8,
          unit: 'short',
          badFrom: 1,
        }),
        stat({
          title: 'Requests',
          description: 'A second, each request counted once, whoever reports it. Mean over the range.',
          sql: totals(`sum(requests) / ${RANGE_SECONDS} AS requests`),
          width: 4,
          unit: 'reqps',
          decimals: 1,
        }),
        stat({
          title: 'Denied',
          description: 'Requests that a policy refused.',
          sql: totals('sum(denied) AS denied'),
          width: 3,
          unit: 'short',
          badFrom: 1,
        }),
        stat({
          title: 'TLS failures',
          description: 'Handshakes that failed. Both ends may tell of one: the larger count of both holds.',
          sql: `SELECT sum(${FAILED_HANDSHAKES}) AS failures
FROM windows
WHERE ${WINDOWS} AND notEmpty(tls.count) AND ${OF_SERVICES}
LIMIT 1`,
          width: 3,
          unit: 'short',
          badFrom: 1,
        }),
        stat({
          title: 'Server errors',
          description: 'Share of the requests that were answered by 5xx, or could not connect.',
          sql: totals(`${percent('sum(server_errors + connect_failures)', 'sum(requests)')} AS errors`),
          width: 3,
          unit: 'percent',
          decimals: 2,
          badFrom: 5,
        }),
        stat({
          title: 'Plaintext',
          description: 'Share of the requests that came without TLS.',
          sql: totals(`${percent('sum(plaintext)', 'sum(requests)')} AS plaintext`),
          width: 3,
          unit: 'percent',
          decimals: 2,
          badFrom: 1,
        }),
        incidentTable(SHOWN_INCIDENTS),
      ],
    },
    {
      title: 'Who calls whom',
      panels: [
        nodeGraph({
          title: 'Service map',
          description:
            'The 400 busiest pairs. Inside a node: requests received a second, and the share denied. Its ring: answered (green), failed ' +
            '(orange), denied (red); blue only calls others. An edge is purple with TLS failures, red with denials, orange with errors.',
          nodes: MAP_NODES,
          edges: MAP_EDGES,
          width: 24,
          mainUnit: 'reqps',
          secondaryUnit: 'percent',
          arcs: MAP_ARCS,
        }),
      ],
    },
    {
      title: 'Refused',
      panels: [
        timeSeries({
          title: 'Denials by deciding policy',
          description: 'As the refusing side tells of them.',
          sql: denialsByPolicy(OF_SERVICES),
          width: 12,
          unit: 'short',
          label: 'decided_by',
          stacked: true,
        }),
        timeSeries({
          title: 'TLS failures by class',
          description: 'Both ends may tell of a failed handshake: the larger count of both holds.',
          sql: tlsFailuresByClass(OF_SERVICES),
          width: 12,
          unit: 'short',
          label: 'failure',
          stacked: true,
        }),
      ],
    },
    {
      title: 'Coverage',
      panels: [
        table({
          title: 'What can be judged, by service',
          description:
            'Shares of the windows or requests of each service. What is not seen cannot be judged: eastwatch doctor says what mends it.',
          width: 24,
          sql: `SELECT ${SERVICE} AS service, sum(requests) AS all_requests,
  ${percent("sumIf(requests, source_identity != '')", 'sum(requests)')} AS caller_known,
  ${percent('sumIf(requests, notEmpty(destination_identities))', 'sum(requests)')} AS service_proved,
  ${percent("countIf(reporter = 'destination')", 'count()')} AS own_reports,
  ${percent('countIf(source_samples > 0 AND destination_samples > 0)', 'count()')} AS both_report,
  ${percent('countIf(gap_samples > 0)', 'count()')} AS gap_known,
  ${percent('countIf(incomplete)', 'count()')} AS incomplete_windows,
  max(end) AS last_seen
FROM windows
WHERE ${WINDOWS} AND ${OF_SERVICES}
GROUP BY destination_service
ORDER BY all_requests DESC, service
LIMIT 500`,
          columns: {
            service: { links: [LATENCY_LINK] },
            caller_known: { unit: 'percent', decimals: 1 },
            service_proved: { unit: 'percent', decimals: 1 },
            own_reports: { unit: 'percent', decimals: 1 },
            both_report: { unit: 'percent', decimals: 1 },
            gap_known: { unit: 'percent', decimals: 1 },
            incomplete_windows: { unit: 'percent', decimals: 1 },
          },
        }),
      ],
    },
  ],
})
