/** One source and one service: everything an incident of a pair needs to be judged. */
import { dashboard } from './dashboard.ts'
import { UID } from './links.ts'
import { table, timeSeries } from './panels.ts'
import { failedCalls, newestCalls } from './queries/calls.ts'
import { denialTable } from './queries/denials.ts'
import { incidentTable } from './queries/incidents.ts'
import { durations, gap, outcomes } from './queries/outcomes.ts'
import { tlsFailuresByClass } from './queries/tls.ts'
import { FROM_SOURCE, NAMED_SOURCE, OF_SERVICE, SERVICE } from './sql.ts'
import { serviceOfSource, source } from './variables.ts'

const PAIR = `${OF_SERVICE} AND ${FROM_SOURCE}`

export const pair = dashboard({
  uid: UID.pair,
  title: 'Pair',
  description:
    'One source and one service: outcomes, durations, the gap, the paths used, denials, and single calls with their traces.',
  variables: [source, serviceOfSource],
  rows: [
    { title: 'Incidents', panels: [incidentTable(`${OF_SERVICE} AND ${NAMED_SOURCE}`)] },
    {
      title: 'Traffic',
      panels: [
        outcomes(PAIR),
        durations(PAIR),
        gap(PAIR),
        timeSeries({
          title: 'TLS failures by class',
          description:
            'A caller whose handshake fails often shows its address only: look at the service without a source, too.',
          sql: tlsFailuresByClass(PAIR),
          width: 12,
          unit: 'short',
          label: 'failure',
          stacked: true,
        }),
      ],
    },
    {
      title: 'Paths and denials',
      panels: [
        table({
          title: 'Paths',
          description: 'Use of each path. `got_through`: the declared policy does not allow it, and it was answered.',
          width: 12,
          sql: `SELECT method, route, sum(requests) AS all_requests, sum(denied) AS all_denied,
  sum(forbidden_ok) AS got_through, any(reason) AS why, min(first) AS first_seen, max(last) AS last_seen
FROM paths
WHERE $__timeFilter(end) AND trust = 'verified' AND ${PAIR}
GROUP BY method, route
ORDER BY all_requests DESC, method, route
LIMIT 200`,
        }),
        table({
          title: 'Denials by deciding policy',
          description: 'As the refusing side tells of them.',
          width: 12,
          sql: denialTable(`${SERVICE} AS service`, 'destination_service', PAIR),
        }),
      ],
    },
    {
      title: 'Single calls',
      panels: [
        failedCalls(OF_SERVICE),
        newestCalls({
          title: 'Newest calls',
          description: 'Both proxies report a call: it stands here twice.',
          calls: "kind = 'request'",
          windows: 'requests > 0',
          where: OF_SERVICE,
          ofSource: true,
        }),
      ],
    },
  ],
})
