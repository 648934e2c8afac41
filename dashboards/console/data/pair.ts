/** A pair over time: what was seen, what is usual for it, what detectors said of it. */
import { z } from 'zod'
import { type Operation, operation } from '../../../alerts/api/operation.ts'
import { FAILURES } from './failures.ts'
import { bandsOf, PairBands } from './pair-bands.ts'
import { IS_PAIR, IS_VISIBLE_PAIR, PairKey } from './pair-key.ts'
import { FOUND_IN_RANGE, IN_RANGE, RANGE, secondsOf } from './range.ts'

/** Points of a chart, about. */
const POINTS = 120
const WINDOW_SECONDS = 10
const MAX_POINTS = 400
const MAX_ROUTES = 100
const MAX_FINDINGS = 200
const MAX_INCIDENTS = 50

const PairPoint = z.object({
  at: z.number().describe('Start, epoch milliseconds.'),
  requests: z.number(),
  denied: z.number(),
  failures: z.number().describe('Server errors, failed connections and failed handshakes.'),
  plaintext: z.number(),
  gapUs: z.number().nullable().describe('Median of the time between both proxies; null where there is none.'),
  answerUs: z.number().nullable().describe("95th percentile of the destination's own durations."),
  incomplete: z.boolean(),
})
const PairRoute = z.object({
  method: z.string(),
  route: z.string(),
  requests: z.number(),
  denied: z.number(),
  outside: z.number(),
  reason: z.string(),
})
const PairFinding = z.object({
  at: z.number(),
  detector: z.string(),
  kind: z.string(),
  severity: z.string(),
  summary: z.string(),
  observed: z.number(),
  expected: z.number(),
  detectable: z.number().nullable().describe('The least that the detector could have found.'),
  unit: z.string(),
})
const PairIncident = z.object({ id: z.string(), severity: z.string(), state: z.string(), summary: z.string() })
export const PairAnswer = z.object({
  stepSeconds: z.number(),
  points: z.array(PairPoint).describe('Those with calls, in order of time.'),
  bands: PairBands.nullable().describe('What is usual for it; null where its past is too short to say.'),
  routes: z.array(PairRoute),
  findings: z.array(PairFinding),
  incidents: z.array(PairIncident),
})
export type PairAnswer = z.output<typeof PairAnswer>
export type PairPoint = z.output<typeof PairPoint>

const ms = (column: string) => `toFloat64(toUnixTimestamp64Milli(${column}))`

const POINTS_SQL = `SELECT toFloat64(intDiv(toUnixTimestamp(start), {step:UInt32}) * {step:UInt32}) * 1000 AS at,
    toFloat64(sum(windows.requests)) AS requests, toFloat64(sum(windows.denied)) AS denied, toFloat64(sum(windows.plaintext)) AS plaintext,
    toFloat64(sum(${FAILURES})) AS failures,
    if(sum(gap_samples) = 0, NULL, toFloat64(sum(gap_p50_us * toInt64(gap_samples)) / sum(gap_samples))) AS gapUs,
    if(sum(destination_samples) = 0, NULL, toFloat64(sum(destination_p95_us * destination_samples) / sum(destination_samples))) AS answerUs,
    max(windows.incomplete) AS incomplete
  FROM eastwatch.windows WHERE ${IN_RANGE} AND ${IS_PAIR} AND ${IS_VISIBLE_PAIR}
  GROUP BY at ORDER BY at LIMIT ${MAX_POINTS}`

const ROUTES_SQL = `SELECT method, route, toFloat64(sum(paths.requests)) AS requests, toFloat64(sum(paths.denied)) AS denied,
    toFloat64(sum(forbidden_ok)) AS outside, anyIf(paths.reason, paths.reason != '') AS reason
  FROM eastwatch.paths WHERE ${IN_RANGE} AND ${IS_PAIR} AND ${IS_VISIBLE_PAIR}
  GROUP BY method, route ORDER BY outside DESC, denied DESC, requests DESC, method, route LIMIT ${MAX_ROUTES}`

const FINDINGS_SQL = `SELECT ${ms('window_end')} AS at, detector, kind, severity, summary, observed, expected, detectable, unit
  FROM eastwatch.findings WHERE ${FOUND_IN_RANGE} AND ${IS_PAIR} AND ${IS_VISIBLE_PAIR}
  ORDER BY at DESC, id LIMIT ${MAX_FINDINGS}`

/** A source without identity or workload says nothing of which incidents are its own. */
const INCIDENTS_SQL = `SELECT id, severity, state, summary FROM eastwatch.incidents FINAL
  WHERE ({sourceIdentity:String} != '' OR {sourceWorkload:String} != '')
    AND (has(sources, {sourceIdentity:String}) OR has(sources, {sourceWorkload:String}))
    AND has(destinations, {destinationService:String}) AND ${IS_VISIBLE_PAIR.replace(', toString(source_namespace)', '')}
    AND updated_at > toDateTime64({from:UInt32}, 6) AND opened_at <= toDateTime64({until:UInt32}, 6)
  ORDER BY updated_at DESC, id LIMIT ${MAX_INCIDENTS}`

const pair = operation({
  method: 'get',
  path: '/pair',
  summary: 'A pair over time, with what is usual for it and what detectors said of it.',
  role: 'reader',
  query: PairKey.partial().required({ destinationService: true }).extend(RANGE),
  answer: PairAnswer,
  async handle({ actor, query }, { store }) {
    const {
      sourceIdentity = '',
      sourceNamespace = '',
      sourceWorkload = '',
      sourceAddress = '',
      destinationService,
    } = query
    const range = secondsOf(query)
    const step = stepOf(range.until - range.from)
    const key = { sourceIdentity, sourceNamespace, sourceWorkload, sourceAddress, destinationService }
    const params = { ...key, ...range, step, namespaces: actor.namespaces }
    const [points, routes, findings, incidents, bands] = await Promise.all([
      store.rows<PairPoint>(POINTS_SQL, params),
      store.rows<z.output<typeof PairRoute>>(ROUTES_SQL, params),
      store.rows<z.output<typeof PairFinding>>(FINDINGS_SQL, params),
      store.rows<z.output<typeof PairIncident>>(INCIDENTS_SQL, params),
      bandsOf(store, params),
    ])
    return { stepSeconds: step, points, bands, routes, findings, incidents }
  },
})

export const PAIR_OPERATIONS: readonly Operation[] = [pair]

/** Whole windows. */
function stepOf(seconds: number): number {
  return Math.max(1, Math.ceil(seconds / POINTS / WINDOW_SECONDS)) * WINDOW_SECONDS
}
