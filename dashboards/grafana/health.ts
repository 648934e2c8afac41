/** Whether Eastwatch itself sees, stores and tells: by what is in ClickHouse. Its metrics have rules in deploy/prometheus. */
import { dashboard } from './dashboard.ts'
import { INCIDENT_LINK, LATENCY_LINK, UID } from './links.ts'
import { stat, table, timeSeries } from './panels.ts'
import { incidentTable } from './queries/incidents.ts'
import { percent, SERVICE } from './sql.ts'

/** Behind the end of the range, which is now unless another range is chosen. */
const age = (newest: string) => `greatest(0, toUnixTimestamp($__toTime) - toUnixTimestamp(max(${newest})))`

export const health = dashboard({
  uid: UID.health,
  title: 'Pipeline health',
  description:
    'How fresh what is stored is, what could not be read, which windows are incomplete, and whether people were told.',
  variables: [],
  rows: [
    {
      title: 'Fresh',
      panels: [
        stat({
          title: 'Newest window',
          description:
            'Behind the end of the range. A window is stored some ten seconds after its end, and one ends every ten: more than a minute means a lag.',
          sql: `SELECT ${age('end')} AS behind FROM windows WHERE $__timeFilter(end) LIMIT 1`,
          width: 6,
          unit: 's',
          badFrom: 60,
        }),
        stat({
          title: 'Newest call',
          description: 'Behind the end of the range, by when the collector had it.',
          sql: `SELECT ${age('received')} AS behind FROM calls WHERE $__timeFilter_ms(end) AND end >= $__toTime_ms - INTERVAL 1 HOUR LIMIT 1`,
          width: 6,
          unit: 's',
          badFrom: 60,
        }),
        stat({
          title: 'Late calls',
          description:
            'Share of the calls of the last hour of the range that came so late that their window may have been closed.',
          sql: `SELECT ${percent('countIf(late)', 'count()')} AS late_share FROM calls WHERE $__timeFilter_ms(end) AND end >= $__toTime_ms - INTERVAL 1 HOUR LIMIT 1`,
          width: 6,
          unit: 'percent',
          decimals: 2,
          badFrom: 1,
        }),
        stat({
          title: 'Incomplete windows',
          description: 'Share of the windows that fell into an outage: they teach nothing.',
          sql: `SELECT ${percent('countIf(incomplete)', 'count()')} AS incomplete_share FROM windows WHERE $__timeFilter(end) LIMIT 1`,
          width: 6,
          unit: 'percent',
          decimals: 2,
          badFrom: 1,
        }),
        timeSeries({
          title: 'Requests judged',
          description:
            'A second, by whose report was counted, and those of unverified senders apart. A gap is time that nobody judged.',
          sql: `SELECT $__timeInterval(start) AS time, if(trust = 'verified', concat('by ', reporter), trust) AS told_by, sum(requests) / $__interval_s AS requests
FROM windows
WHERE $__timeFilter(end)
GROUP BY time, told_by
ORDER BY time, told_by
LIMIT 20000`,
          width: 12,
          unit: 'reqps',
          label: 'told_by',
          stacked: true,
        }),
        table({
          title: 'Services that fell silent',
          description: 'The service whose newest window is oldest stands first.',
          width: 12,
          height: 8,
          sql: `SELECT ${SERVICE} AS service, max(end) AS last_seen, ${age('end')} AS silent_for, uniq(source_identity) AS callers,
  ${percent('countIf(incomplete)', 'count()')} AS incomplete_share
FROM windows
WHERE $__timeFilter(end)
GROUP BY destination_service
ORDER BY last_seen, service
LIMIT 200`,
          columns: {
            service: { links: [LATENCY_LINK] },
            silent_for: { unit: 's' },
            incomplete_share: { unit: 'percent', decimals: 1 },
          },
        }),
      ],
    },
    {
      title: 'Not read',
      panels: [
        timeSeries({
          title: 'Rejected records',
          description: 'By reason.',
          sql: `SELECT $__timeInterval(received) AS time, reason, count() AS records
FROM rejected FINAL
WHERE $__timeFilter_ms(received)
GROUP BY time, reason
ORDER BY time, reason
LIMIT 20000`,
          width: 12,
          unit: 'short',
          label: 'reason',
          stacked: true,
        }),
        table({
          title: 'Rejected records by sender',
          description: 'With an example of what was wrong.',
          width: 12,
          height: 8,
          sql: `SELECT reason, sender, signal, count() AS records, any(detail) AS example, max(received) AS last
FROM rejected FINAL
WHERE $__timeFilter_ms(received)
GROUP BY reason, sender, signal
ORDER BY records DESC, reason, sender
LIMIT 200`,
        }),
      ],
    },
    {
      title: 'Said and told',
      panels: [
        timeSeries({
          title: 'Findings by detector',
          description: 'What detectors said, before it became incidents.',
          sql: `SELECT $__timeInterval(window_end) AS time, detector, count() AS findings
FROM findings
WHERE $__timeFilter_ms(window_end)
GROUP BY time, detector
ORDER BY time, detector
LIMIT 20000`,
          width: 12,
          unit: 'short',
          label: 'detector',
          stacked: true,
        }),
        timeSeries({
          title: 'Notifications',
          description: 'Attempts to tell a receiver, by how they ended: dead ones are given up.',
          sql: `SELECT $__timeInterval(at) AS time, concat(receiver, ' ', status) AS ended, count() AS attempts
FROM notifications
WHERE $__timeFilter_ms(at)
GROUP BY time, ended
ORDER BY time, ended
LIMIT 20000`,
          width: 12,
          unit: 'short',
          label: 'ended',
          stacked: true,
        }),
        table({
          title: 'Attempts that failed',
          description: 'The newest first.',
          width: 24,
          sql: `SELECT at, receiver, status, attempt, reason, detail, incident_id AS incident
FROM notifications
WHERE $__timeFilter_ms(at) AND status != 'sent'
ORDER BY at DESC
LIMIT 200`,
          columns: { at: { width: 170 }, incident: { links: [INCIDENT_LINK] } },
        }),
        incidentTable("detector IN ('pipeline', 'telemetry_stopped')"),
      ],
    },
  ],
})
