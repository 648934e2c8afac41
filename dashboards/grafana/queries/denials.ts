/** Denials by the policy that decided, as the refusing side tells of them: what a client saw of a denial is not another one. */
import { BUCKET, WINDOWS } from '../sql.ts'

function denials(where: string): string {
  return `windows
ARRAY JOIN denials.reporter AS denied_by, denials.kind AS kind, denials.policy AS policy, denials.rule AS rule, denials.count AS count
WHERE ${WINDOWS} AND notEmpty(denials.count) AND denied_by != 'source' AND ${where}`
}

/** What is denied because nothing allows it has no policy's name. */
const POLICY = "if(policy = '', concat('no policy allows it (', kind, ')'), policy)"

export function denialsByPolicy(where: string): string {
  return `SELECT ${BUCKET}, ${POLICY} AS decided_by, sum(count) AS refusals
FROM ${denials(where)}
GROUP BY time, decided_by
ORDER BY time, decided_by
LIMIT 20000`
}

export function denialTable(select: string, groupBy: string, where: string): string {
  return `SELECT ${select}, ${POLICY} AS decided_by, rule, kind, sum(count) AS refusals, max(end) AS last
FROM ${denials(where)}
GROUP BY ${groupBy}, decided_by, rule, kind
ORDER BY refusals DESC, last DESC
LIMIT 200`
}
