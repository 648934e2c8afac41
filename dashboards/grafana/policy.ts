/** What the declared policy decides, and what got past it. */
import { dashboard } from './dashboard.ts'
import { IDENTITY_LINK, PAIR_LINK, UID } from './links.ts'
import { table, timeSeries } from './panels.ts'
import { newestCalls } from './queries/calls.ts'
import { denialsByPolicy, denialTable } from './queries/denials.ts'
import { CALLER, CALLER_KEY, NAMED_CALLER, OF_SERVICES, SERVICE, shown } from './sql.ts'
import { services } from './variables.ts'

const PATHS = `$__timeFilter(end) AND trust = 'verified' AND ${OF_SERVICES}`

export const policy = dashboard({
  uid: UID.policy,
  title: 'Policy',
  description:
    'Denials by the policy that decided, calls that no policy allows and that were answered all the same, and new paths.',
  variables: [services],
  rows: [
    {
      title: 'Denied',
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
          title: 'What the declared policy says of the calls',
          description:
            'Allowed; not allowed; not allowed and answered all the same. Calls that it cannot decide are in none of them.',
          sql: `SELECT $__timeInterval(end) AS time, sum(allowed) AS allowed_reports, sum(forbidden) AS forbidden_reports, sum(forbidden_ok) AS got_through
FROM paths
WHERE ${PATHS}
GROUP BY time
ORDER BY time
LIMIT 20000`,
          width: 12,
          unit: 'short',
          interval: '1m',
        }),
        table({
          title: 'Denied pairs',
          description: 'By policy and rule.',
          width: 24,
          sql: denialTable(
            `${shown(CALLER)} AS source, ${shown('source_workload')} AS workload, ${SERVICE} AS service`,
            `${CALLER_KEY}, destination_service`,
            OF_SERVICES,
          ),
          columns: { source: { links: [IDENTITY_LINK] }, service: { links: [PAIR_LINK] } },
        }),
      ],
    },
    {
      title: 'Not allowed, and answered',
      panels: [
        table({
          title: 'Got through although no policy allows it',
          description: 'By the policies as they were exported: a newer one may allow it, and then it is fine.',
          width: 12,
          sql: `SELECT ${shown(CALLER)} AS source, ${shown('source_workload')} AS workload, ${SERVICE} AS service, method, route, sum(forbidden_ok) AS got_through,
  any(reason) AS why, max(last) AS last_seen
FROM paths
WHERE ${PATHS} AND forbidden_ok > 0
GROUP BY ${CALLER_KEY}, destination_service, method, route
ORDER BY got_through DESC, service, method, route
LIMIT 200`,
          columns: { source: { links: [IDENTITY_LINK] }, service: { links: [PAIR_LINK] } },
        }),
        table({
          title: 'New paths',
          description: 'What the detector new_path told of.',
          width: 12,
          sql: `SELECT window_end AS time, severity, kind, ${shown(NAMED_CALLER)} AS source, ${SERVICE} AS service, operation, summary
FROM findings
WHERE $__timeFilter_ms(window_end) AND detector = 'new_path' AND ${OF_SERVICES}
ORDER BY window_end DESC
LIMIT 200`,
          columns: { time: { width: 170 }, source: { links: [IDENTITY_LINK] }, service: { links: [PAIR_LINK] } },
        }),
      ],
    },
    {
      title: 'Single calls',
      panels: [
        newestCalls({
          title: 'Denied calls',
          description: 'As the refusing side tells of them. The trace leads to every call of it.',
          calls: "outcome = 'denied' AND reporter != 'source'",
          windows: "denied > 0 AND reporter != 'source'",
          where: OF_SERVICES,
          ofSource: false,
        }),
      ],
    },
  ],
})
