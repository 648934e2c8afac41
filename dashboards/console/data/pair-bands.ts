/**
 * What is usual for a pair, where no detector says: where 98 of 100 steps of the day before lay, in steps as long as the chart's. A step
 * without calls counts as none, from the pair's first call of that day on. It is context, and no detector's verdict.
 */
import { z } from 'zod'
import type { StoreReader } from '../../../storage/query.ts'
import { FAILURES } from './failures.ts'
import { IS_PAIR, IS_VISIBLE_PAIR, type PairKey } from './pair-key.ts'

const PAST_SECONDS = 86_400
/** Fewer say nothing of what is usual. */
const LEAST_STEPS = 6

const Band = z.object({ median: z.number(), low: z.number(), high: z.number() })
export type Band = z.output<typeof Band>

export const PairBands = z.object({
  from: z.number().describe('Start of the past it rests on, epoch milliseconds.'),
  steps: z.number().describe('How many steps of it.'),
  requests: Band,
  denied: Band,
  failures: Band,
  gapUs: Band.nullable(),
  answerUs: Band.nullable(),
})
export type PairBands = z.output<typeof PairBands>

const MEASURES = ['requests', 'denied', 'failures', 'gapUs', 'answerUs'] as const

const IN_PAST = `end > toDateTime({from:UInt32} - ${PAST_SECONDS}) AND end <= toDateTime({from:UInt32}) AND trust = 'verified'`

/** Of an array of numbers: the band's ends and its middle. */
const spread = (values: string) => `arrayReduce('quantilesExact(0.01, 0.5, 0.99)', ${values})`

const SQL = `SELECT first, total,
    ${MEASURES.map((name) => `length(${name}Past) AS ${name}Count, ${spread(`${name}Past`)} AS ${name}`).join(',\n    ')}
  FROM (
    SELECT min(at) AS first, count() AS known, greatest(known, toUInt32(({from:UInt32} - first) / {step:UInt32})) AS total,
      arrayResize(groupArray(r), total) AS requestsPast, arrayResize(groupArray(d), total) AS deniedPast,
      arrayResize(groupArray(f), total) AS failuresPast, groupArrayIf(g, gs > 0) AS gapUsPast, groupArrayIf(a, ds > 0) AS answerUsPast
    FROM (
      SELECT intDiv(toUnixTimestamp(start), {step:UInt32}) * {step:UInt32} AS at, toFloat64(sum(requests)) AS r, toFloat64(sum(denied)) AS d,
        toFloat64(sum(${FAILURES})) AS f, sum(gap_samples) AS gs, sum(destination_samples) AS ds,
        sum(gap_p50_us * toInt64(gap_samples)) / gs AS g, sum(destination_p95_us * destination_samples) / ds AS a
      FROM eastwatch.windows WHERE ${IN_PAST} AND ${IS_PAIR} AND ${IS_VISIBLE_PAIR}
      GROUP BY at
    )
  ) WHERE known > 0`

type Quantiles = [low: number, median: number, high: number]
type Row = { first: number; total: number } & Record<(typeof MEASURES)[number], Quantiles> &
  Record<`${(typeof MEASURES)[number]}Count`, number>

type Params = PairKey & { from: number; step: number; namespaces: readonly string[] }

export async function bandsOf(store: StoreReader, params: Params): Promise<PairBands | null> {
  const [row] = await store.rows<Row>(SQL, { ...params })
  if (row === undefined || Number(row.total) < LEAST_STEPS) return null
  const rare = (name: 'gapUs' | 'answerUs') => (Number(row[`${name}Count`]) < LEAST_STEPS ? null : bandOf(row[name]))
  return {
    from: row.first * 1000,
    steps: Number(row.total),
    requests: bandOf(row.requests),
    denied: bandOf(row.denied),
    failures: bandOf(row.failures),
    gapUs: rare('gapUs'),
    answerUs: rare('answerUs'),
  }
}

function bandOf([low, median, high]: Quantiles): Band {
  return { low, median, high }
}
