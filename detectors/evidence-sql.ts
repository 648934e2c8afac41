/**
 * ClickHouse SQL that shows the records behind a finding. It is meant to be pasted as it stands, so every text from telemetry is an
 * escaped literal and nothing else.
 */
import type { FindingKey } from './detector.ts'

export interface CallsQuery {
  /** Microseconds; records that end in [from, to). */
  from: number
  to: number
  key: Partial<FindingKey>
  /** Further conditions on columns of `eastwatch.calls`, written by us. */
  where?: readonly string[]
}

const SHOWN =
  '`end`, reporter, trust, source_identity, source_workload, source_address, destination_service, method, path, status, outcome, ' +
  'denial_policy, denial_rule, tls_failure, tls_rejected_by, decision_reason, duration_us, request_id, trace_id'

const LIMIT = 200

export function callsSql(query: CallsQuery): string {
  return `SELECT ${SHOWN}\nFROM eastwatch.calls\nWHERE ${conditions(query)}\nORDER BY \`end\`\nLIMIT ${LIMIT}`
}

/** Who reported how many calls, minute by minute. */
export function reportsSql(query: CallsQuery): string {
  const columns = 'toStartOfMinute(`end`) AS minute, reporter, trust, outcome'
  return `SELECT ${columns}, sum(weight) AS calls\nFROM eastwatch.calls\nWHERE ${conditions(query)}\nGROUP BY ALL\nORDER BY ALL\nLIMIT 1000`
}

function conditions({ from, to, key, where = [] }: CallsQuery): string {
  return [
    '`end` >= ' + time(from),
    '`end` < ' + time(to),
    ...sourceConditions(key),
    ...(key.destinationService === undefined || key.destinationService === ''
      ? []
      : [`destination_service = ${literal(key.destinationService)}`]),
    ...where,
  ].join('\n  AND ')
}

function sourceConditions({
  sourceIdentity,
  sourceWorkload,
  sourceNamespace,
  sourceAddress,
}: Partial<FindingKey>): string[] {
  const conditions: string[] = []
  // Records of failed handshakes and plaintext know the caller by its address only.
  if (sourceIdentity) {
    const identity = literal(sourceIdentity)
    conditions.push(
      `(source_identity = ${identity} OR (source_identity = '' AND source_address_identity = ${identity}))`,
    )
  }
  if (sourceWorkload) conditions.push(`source_workload = ${literal(sourceWorkload)}`)
  if (sourceWorkload && sourceNamespace) conditions.push(`source_namespace = ${literal(sourceNamespace)}`)
  if (sourceAddress) conditions.push(`source_address = ${literal(sourceAddress)}`)
  return conditions
}

/** A ClickHouse string literal of any text. */
export function literal(text: string): string {
  const escaped = text.replace(/[\\'\p{Cc}]/gu, (char) =>
    char === '\\' || char === "'" ? `\\${char}` : [...Buffer.from(char)].map(hexEscape).join(''),
  )
  return `'${escaped}'`
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`
}

function time(us: number): string {
  return `fromUnixTimestamp64Micro(${Math.trunc(us)}, 'UTC')`
}
