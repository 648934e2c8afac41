/**
 * `eastwatch.rejected` into the table of that name. The topic has no ticks; its records' own receipt is its time. A row is named by
 * its place in its delivery and replaces itself, so batches need not be cut alike after a crash.
 */

import { decodeRejected, type Rejected } from '../../collector/rejected.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import type { TableRow } from '../rows.ts'
import { RowGatherer, timeText } from '../rows.ts'
import type { SinkSpec } from '../sink.ts'

export const rejectedSink: SinkSpec = {
  name: 'rejected',
  topic: TOPIC.rejected,
  ticks: false,
  gatherer: () =>
    new RowGatherer({
      tables: { rejected: { column: 'received', by: 'day' } },
      rows: (value) => decodeRejected(value)?.map(rejectedRow),
    }),
}

export function rejectedRow(record: Rejected): TableRow {
  return {
    table: 'rejected',
    at: record.received,
    values: {
      received: timeText(record.received),
      sender: record.sender,
      trust: record.trust,
      signal: record.signal,
      delivery: record.delivery,
      position: record.position,
      reason: record.reason,
      detail: record.detail,
      sample: record.sample,
    },
  }
}
