/** Incidents, the worst and newest first. */
import { IDENTITY_LINK, INCIDENT_LINK, PAIR_LINK } from '../links.ts'
import { table } from '../panels.ts'
import { INCIDENTS, NAMED_CALLER, SERVICE, shown } from '../sql.ts'

/** `where` narrows them further; its columns are those of the table `incidents`. */
export function incidentTable(where: string, width = 24) {
  return table({
    title: 'Incidents',
    description:
      'Incidents that were open at some time of the range. Acknowledged: somebody has seen it. Silenced: nobody is told of it until then. ' +
      'Source and service are those of its newest finding; callers are all so far. The id leads to the console, the summary to the pair.',
    width,
    sql: `SELECT opened_at AS opened, severity, state, acknowledged_by, if(state = 'silenced', silenced_until, NULL) AS silenced_until, detector,
  arrayStringConcat(kinds, ', ') AS kinds, summary, ${shown(NAMED_CALLER)} AS source, length(sources) AS callers, ${SERVICE} AS service, findings, id AS incident
FROM incidents FINAL
WHERE ${INCIDENTS} AND ${where}
ORDER BY indexOf(['critical', 'high', 'warning', 'info'], severity), opened_at DESC
LIMIT 200`,
    columns: {
      opened: { width: 170 },
      severity: { width: 90 },
      state: { width: 110 },
      silenced_until: { width: 170 },
      summary: { width: 620, links: [PAIR_LINK] },
      source: { links: [IDENTITY_LINK] },
      incident: { links: [INCIDENT_LINK] },
    },
  })
}
