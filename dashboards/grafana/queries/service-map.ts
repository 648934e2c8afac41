/** Who calls whom, as nodes and edges of Grafana's node graph. */
import { CALLER_KEY, FAILED_HANDSHAKES, OF_SERVICES, percent, RANGE_SECONDS, SERVICE, shown, WINDOWS } from '../sql.ts'

/** Edges told of; Grafana shows about 1,500 nodes. */
const MOST_EDGES = 400

/**
 * A caller is drawn as the service that is named like it: `shop.cart` of the identity `.../ns/cart/sa/shop`, or of its workload. So one
 * node is both ends. An identity of another form is a node of its own.
 */
const CALLER_NODE = `multiIf(
      source_workload != '', concat(source_workload, '.', source_namespace),
      match(source_identity, '/ns/[^/]+/sa/[^/]+$'), replaceRegexpOne(source_identity, '^.*/ns/([^/]+)/sa/([^/]+)$', '\\\\2.\\\\1'),
      source_identity != '', source_identity,
      source_address != '', source_address,
      'unknown')`

/** The busiest edges; nodes and edges must be made of the same ones, so their order leaves nothing open. */
const EDGES = `(
  SELECT ${shown(CALLER_NODE)} AS source, ${SERVICE} AS target,
    sum(requests) AS requests, sum(denied) AS denied, sum(tls) AS tls, sum(failed) AS failed
  FROM (
    SELECT ${CALLER_KEY}, destination_service, sum(requests) AS requests, sum(denied) AS denied,
      sum(${FAILED_HANDSHAKES}) AS tls, sum(server_errors + connect_failures) AS failed
    FROM windows
    WHERE ${WINDOWS} AND destination_service != '' AND ${OF_SERVICES}
    GROUP BY ${CALLER_KEY}, destination_service
  )
  GROUP BY source, target
  ORDER BY requests + tls DESC, source, target
  LIMIT ${MOST_EDGES}
)`

export const MAP_EDGES = `SELECT concat(source, ' to ', target) AS id, source, target,
  round(requests / ${RANGE_SECONDS}, 3) AS mainstat,
  ${percent('denied', 'requests')} AS secondarystat,
  multiIf(tls > 0, 'purple', denied > 0, 'red', failed > 0, 'orange', 'green') AS color,
  1 + least(4, toUInt8(log10(1 + requests))) AS thickness,
  requests AS detail__requests, denied AS detail__denied, tls AS detail__tls_failures, failed AS detail__failed
FROM ${EDGES}
ORDER BY requests DESC, id
LIMIT ${MOST_EDGES}`

/** A node that nobody calls has no answers to show: its ring is the part \`caller\`. */
export const MAP_NODES = `SELECT node AS id, node AS title,
  if(received = 0, 'calls others', concat('called by ', toString(callers))) AS subtitle,
  round(received / ${RANGE_SECONDS}, 3) AS mainstat,
  ${percent('denied', 'received')} AS secondarystat,
  if(received = 0, 0, (received - denied - failed) / received) AS arc__ok,
  if(received = 0, 0, failed / received) AS arc__failed,
  if(received = 0, 0, denied / received) AS arc__denied,
  if(received = 0, 1, 0) AS arc__caller,
  tls AS detail__tls_failures
FROM (
  SELECT side.1 AS node, sum(side.2) AS received, sum(side.3) AS denied, sum(side.4) AS failed, sum(side.5) AS tls,
    countIf(side.2 > 0) AS callers
  FROM (
    SELECT arrayJoin([
      (target, requests, denied, least(failed, requests - denied), tls),
      (source, toUInt64(0), toUInt64(0), toInt64(0), toUInt64(0))
    ]) AS side
    FROM ${EDGES}
  )
  GROUP BY node
)
ORDER BY received DESC, id
LIMIT ${2 * MOST_EDGES}`

export const MAP_ARCS = { ok: 'green', failed: 'orange', denied: 'red', caller: 'blue' }
