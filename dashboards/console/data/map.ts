/** The service map: who called whom in a stretch of time, and what stands out about it. */
import { z } from 'zod'
import { type Operation, operation } from '../../../alerts/api/operation.ts'
import { NEW_PATH } from '../../../detectors/new-path.ts'
import { TLS_FAILURES } from './failures.ts'
import { IS_VISIBLE_PAIR, PAIR_COLUMNS, PairKey } from './pair-key.ts'
import { PathState, statesOf } from './path-state.ts'
import { FOUND_IN_RANGE, IN_RANGE, RANGE, secondsOf } from './range.ts'
import { callerNames, namespaceOf } from './service-names.ts'

const MAX_PATHS = 6_000

const MapService = z.object({
  name: z.string(),
  namespace: z.string().describe("'' where its name says none."),
  received: z.number().describe('Requests that it received.'),
  sent: z.number(),
})
const MapPath = z.object({
  source: z.string().describe('Name of a service of this answer.'),
  destination: z.string(),
  pair: PairKey,
  states: z.array(PathState).describe('All that hold, the worst first.'),
  requests: z.number(),
  denied: z.number(),
  plaintext: z.number(),
  errors: z.number().describe('Server errors and failed connections.'),
  tlsFailures: z.number(),
  outside: z.number().describe('Answered although no policy allows them.'),
  verified: z.boolean().describe('False where unverified senders alone report it.'),
})
export const MapAnswer = z.object({
  services: z.array(MapService),
  paths: z.array(MapPath),
  more: z.boolean().describe('There are more paths than these: those that stand out come first, then the busiest.'),
})
export type MapAnswer = z.output<typeof MapAnswer>
export type MapService = z.output<typeof MapService>
export type MapPath = z.output<typeof MapPath>

const SQL = `SELECT ${PAIR_COLUMNS}, destination_identities, requests, denied, plaintext, errors, tls_failures, verified,
    allowed, outside, is_new
  FROM (
    SELECT ${PAIR_COLUMNS}, arraySort(groupUniqArrayArray(4)(destination_identities)) AS destination_identities,
      toFloat64(sum(windows.requests)) AS requests, toFloat64(sum(windows.denied)) AS denied, toFloat64(sum(windows.plaintext)) AS plaintext,
      toFloat64(sum(server_errors + connect_failures)) AS errors, toFloat64(sum(${TLS_FAILURES})) AS tls_failures,
      max(trust = 'verified') AS verified
    FROM eastwatch.windows WHERE ${IN_RANGE} AND ${IS_VISIBLE_PAIR} GROUP BY ${PAIR_COLUMNS}
  ) AS seen
  LEFT JOIN (
    SELECT ${PAIR_COLUMNS}, toFloat64(sum(paths.allowed)) AS allowed, toFloat64(sum(forbidden_ok)) AS outside
    FROM eastwatch.paths WHERE ${IN_RANGE} AND ${IS_VISIBLE_PAIR} GROUP BY ${PAIR_COLUMNS}
  ) AS used USING (${PAIR_COLUMNS})
  LEFT JOIN (
    SELECT ${PAIR_COLUMNS}, 1 AS is_new
    FROM eastwatch.findings WHERE detector = '${NEW_PATH}' AND kind IN ('new_pair', 'new_operation') AND ${FOUND_IN_RANGE}
    GROUP BY ${PAIR_COLUMNS}
  ) AS fresh USING (${PAIR_COLUMNS})
  ORDER BY denied > 0 OR plaintext > 0 OR outside > 0 OR tls_failures > 0 DESC, requests DESC, ${PAIR_COLUMNS}
  LIMIT ${MAX_PATHS + 1}`

interface Row {
  source_identity: string
  source_namespace: string
  source_workload: string
  source_address: string
  destination_service: string
  destination_identities: string[]
  requests: number
  denied: number
  plaintext: number
  errors: number
  tls_failures: number
  verified: number
  allowed: number
  outside: number
  is_new: number
}

const map = operation({
  method: 'get',
  path: '/map',
  summary: 'Services and the paths between them.',
  role: 'reader',
  query: z.object(RANGE),
  answer: MapAnswer,
  async handle({ actor, query }, { store }) {
    const rows = await store.rows<Row>(SQL, { ...secondsOf(query), namespaces: actor.namespaces })
    return { ...mapOf(rows.slice(0, MAX_PATHS)), more: rows.length > MAX_PATHS }
  },
})

export const MAP_OPERATIONS: readonly Operation[] = [map]

function mapOf(rows: readonly Row[]): Omit<MapAnswer, 'more'> {
  const named = rows.map((row) => ({ row, pair: pairOf(row), destinationIdentities: row.destination_identities }))
  const nameOf = callerNames(named)
  const services = new Map<string, MapService>()
  const service = (name: string): MapService => {
    const known = services.get(name) ?? { name, namespace: namespaceOf(name), received: 0, sent: 0 }
    services.set(name, known)
    return known
  }
  const paths = named.map(({ row, pair }): MapPath => {
    const source = service(nameOf(pair))
    const destination = service(pair.destinationService)
    source.sent += row.requests
    destination.received += row.requests
    const { requests, denied, plaintext, errors, tls_failures: tlsFailures, outside } = row
    const counts = { requests, denied, plaintext, errors, tlsFailures, outside }
    const states = statesOf({ ...counts, allowed: row.allowed, isNew: row.is_new === 1 })
    return { source: source.name, destination: destination.name, pair, states, ...counts, verified: row.verified === 1 }
  })
  return { services: [...services.values()], paths }
}

function pairOf(row: Row): PairKey {
  return {
    sourceIdentity: row.source_identity,
    sourceNamespace: row.source_namespace,
    sourceWorkload: row.source_workload,
    sourceAddress: row.source_address,
    destinationService: row.destination_service,
  }
}
