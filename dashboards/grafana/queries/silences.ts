/** What people muted for a time, and why. */
import { table } from '../panels.ts'

export function silenceTable(width = 24) {
  return table({
    title: 'Silences in force',
    description:
      'At the end of the range: nobody is told of incidents that match. What ends first stands first. No namespaces: it holds in all of them.',
    width,
    height: 6,
    sql: `SELECT ends_at, created_by, reason, arrayStringConcat(matchers, ', ') AS matchers, arrayStringConcat(namespaces, ', ') AS namespaces,
  starts_at, id AS silence
FROM silences FINAL
WHERE starts_at <= $__toTime_ms AND ends_at > $__toTime_ms
ORDER BY ends_at, id
LIMIT 200`,
    columns: { ends_at: { width: 170 }, starts_at: { width: 170 } },
  })
}
