/** Incidents, the worst and newest first. */

import { IDENTITY_LINK, INCIDENT_LINK, PAIR_LINK } from '../links.ts'
import { table } from '../panels.ts'
import { INCIDENT_STATE, INCIDENTS, NAMED_CALLER, SERVICE, shown } from '../sql.ts'

/** `where` narrows them further; its columns are those of the table `incidents`. */
export function incidentTable(where: string, width = 24) {
  return table({
    title: 'Incidents',
    description:
      'Incidents that were open at some time of the range. The id leads to the console, the summary to the pair.',
    width,
    sql: `SELECT opened_at AS opened, severity, ${INCIDENT_STATE} AS state, detector, arrayStringConcat(kinds, ', ') AS kinds, summary,
  ${shown(NAMED_CALLER)} AS source, ${SERVICE} AS service, findings, id AS incident
FROM incidents FINAL
WHERE ${INCIDENTS} AND ${where}
ORDER BY indexOf(['critical', 'high', 'warning', 'info'], severity), opened_at DESC
LIMIT 200`,
    columns: {
      opened: { width: 170 },
      severity: { width: 90 },
      state: { width: 90 },
      summary: { width: 620, links: [PAIR_LINK] },
      source: { links: [IDENTITY_LINK] },
      incident: { links: [INCIDENT_LINK] },
    },
  })
}
