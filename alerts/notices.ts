/** Messages made of what waits in the queue. Pure: what waits, and the newest state of its incidents, gives the same message again. */
import { createHash } from 'node:crypto'
import { severityRank } from './incident.ts'
import { type GroupNotice, MAX_NEWS, type News, type SummaryNotice } from './notify/channel.ts'
import type { Group, Pending, PendingNews, PendingSummary, Queue, WaitingGroup } from './queue.ts'

export function groupNotice(group: WaitingGroup, queue: Queue): GroupNotice {
  const { receiver, key, labels, pending } = group
  const known = pending.news.flatMap(({ id, reason }) => {
    const record = queue.incident(id)
    return record === undefined ? [] : [{ reason, record }]
  })
  const [first, ...rest] = known.sort((a, b) => weight(b) - weight(a)).slice(0, MAX_NEWS)
  if (first === undefined) throw new Error(`group ${key} of ${receiver} waits and has no incident`)
  const others = pending.others + known.length - 1 - rest.length
  return {
    type: 'group',
    id: idOf(group, pending),
    key,
    labels,
    open: queue.openIn(receiver, key),
    news: [first, ...rest],
    others,
  }
}

/** Of its content: a summary that grew, or that a restart folded otherwise, is another message to the receiver. */
export function summaryNotice({ receiver, summary }: PendingSummary): SummaryNotice {
  const hash = createHash('sha256').update(JSON.stringify([receiver, summary]))
  return { type: 'summary', id: `summary.${hash.digest('hex').slice(0, 32)}`, summary }
}

/** An incident and its version say all of a message, unless it says nothing new. */
function idOf({ key }: Group, { news, others, since }: Pending): string {
  const nameOf = ({ id, version, reason }: PendingNews) => `${id}.${version}${reason === 'repeat' ? `.${since}` : ''}`
  if (news.length === 1 && others === 0) return nameOf(news[0]!)
  const hash = createHash('sha256').update(JSON.stringify([key, news.map(nameOf), others]))
  return `group.${hash.digest('hex').slice(0, 32)}`
}

/** Open ones first, then by severity. */
function weight({ record }: News): number {
  return severityRank(record.severity) + (record.status === 'open' ? 100 : 0)
}
