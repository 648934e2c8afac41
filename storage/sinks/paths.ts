/** `eastwatch.windows` into the table `paths`: the use of each operation of a pair, summed over a batch. */
import { TOPIC } from '../../core/bus/topics.ts'
import { MINUTE } from '../../core/clock.ts'
import { countPath, decodeWindows, type PairWindow, type PathTally } from '../../detectors/window.ts'
import { RowGatherer, secondsOf, type TableRow, timeText } from '../rows.ts'
import type { SinkSpec } from '../sink.ts'

export const pathsSink: SinkSpec = {
  name: 'paths',
  topic: TOPIC.windows,
  // Summing over a minute leaves a sixth of the rows; nobody waits for them.
  limits: { maxRows: 200_000, maxBytes: 32 * 1024 * 1024, patienceUs: MINUTE },
  gatherer: () =>
    new RowGatherer({
      tables: { paths: { column: 'end', by: 'day' } },
      rows: (value) =>
        decodeWindows(value)?.windows.flatMap((window) => window.paths.map((path) => pathRow(window, path))),
      combine: sumRows,
    }),
}

export function pathRow({ pair, end, trust }: PairWindow, path: PathTally): TableRow {
  return {
    table: 'paths',
    at: end,
    values: {
      end: secondsOf(end),
      trust,
      source_identity: pair.sourceIdentity,
      source_workload: pair.sourceWorkload,
      source_namespace: pair.sourceNamespace,
      source_address: pair.sourceAddress,
      destination_service: pair.destinationService,
      method: path.method,
      route: path.route,
      requests: countPath(path),
      denied: path.denied,
      not_found: path.notFound,
      allowed: path.allowed,
      forbidden: path.forbidden,
      forbidden_ok: path.forbiddenOk,
      reason: path.reason,
      first: timeText(path.first),
      last: timeText(path.last),
    },
  }
}

const KEY = [
  'trust',
  'source_identity',
  'source_workload',
  'source_namespace',
  'source_address',
  'destination_service',
  'method',
  'route',
] as const
const SUMS = ['requests', 'denied', 'not_found', 'allowed', 'forbidden', 'forbidden_ok'] as const

/** One row for each path; order and result come from the log alone. */
export function sumRows(rows: readonly TableRow[]): TableRow[] {
  const sums = new Map<string, TableRow>()
  for (const row of rows) {
    const key = JSON.stringify(KEY.map((name) => row.values[name]))
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { ...row, values: { ...row.values } })
    else add(sum.values, row.values)
  }
  return [...sums.values()]
}

function add(sum: TableRow['values'], row: TableRow['values']): void {
  for (const name of SUMS) sum[name] = (sum[name] as number) + (row[name] as number)
  sum.end = Math.max(sum.end as number, row.end as number)
  if ((row.first as string) < (sum.first as string)) sum.first = row.first
  if ((row.last as string) > (sum.last as string)) sum.last = row.last
  if (sum.reason === '') sum.reason = row.reason
}
