/** How Eastwatch itself does: its parts, how far it has come, what it could not read, whether receivers take what they are sent. */
import { z } from 'zod'
import { type Operation, operation } from '../../../alerts/api/operation.ts'
import { type RejectedFacts, rejectedSql } from '../../../storage/queries/coverage.ts'

const MAX_RECEIVERS = 100

const ReceiverHealth = z.object({
  receiver: z.string(),
  sent: z.number(),
  failed: z.number().describe('Attempts that failed.'),
  dead: z.number().describe('Messages that were given up.'),
  last: z.number(),
  detail: z.string().describe('Of the newest attempt that failed; empty where none did.'),
})
export const HealthAnswer = z.object({
  now: z.number(),
  parts: z
    .array(z.object({ part: z.string(), ready: z.boolean(), detail: z.string() }))
    .describe('Of the process that answers.'),
  newestCall: z.number().describe('End of the newest stored call of the last hour; 0 where there is none.'),
  judgedUntil: z.number().describe('End of the newest window of the last day; 0 where there is none.'),
  isStoreEmpty: z.boolean().describe('No window was ever stored.'),
  rejected: z
    .array(z.object({ reason: z.string(), records: z.number(), detail: z.string() }))
    .describe('Of the last hour.'),
  receivers: z.array(ReceiverHealth).describe('Of the last day.'),
})
export type HealthAnswer = z.output<typeof HealthAnswer>

const NEWEST_SQL = `SELECT
  toFloat64((SELECT max(toUnixTimestamp64Milli(end)) FROM eastwatch.calls WHERE end > toDateTime64({now:UInt32} - 3600, 6))) AS newestCall,
  toFloat64((SELECT max(toUnixTimestamp(end)) FROM eastwatch.windows WHERE end > toDateTime({now:UInt32} - 86400))) * 1000 AS judgedUntil,
  (SELECT count() FROM (SELECT 1 FROM eastwatch.windows LIMIT 1)) = 0 AS isStoreEmpty`

const RECEIVERS_SQL = `SELECT receiver, toUInt32(countIf(status = 'sent')) AS sent, toUInt32(countIf(status = 'failed')) AS failed,
    toUInt32(countIf(status = 'dead')) AS dead, toFloat64(toUnixTimestamp64Milli(max(notifications.at))) AS last,
    argMaxIf(notifications.detail, notifications.at, status != 'sent') AS detail
  FROM eastwatch.notifications WHERE notifications.at > toDateTime64({now:UInt32} - 86400, 6)
  GROUP BY receiver ORDER BY dead DESC, failed DESC, receiver LIMIT ${MAX_RECEIVERS}`

interface Newest {
  newestCall: number
  judgedUntil: number
  isStoreEmpty: number
}

const health = operation({
  method: 'get',
  path: '/health',
  summary: 'How Eastwatch itself does. Whoever is limited to namespaces is not told of senders and receivers.',
  role: 'reader',
  answer: HealthAnswer,
  async handle({ actor }, { store, health: read, now }) {
    const params = { now: Math.floor(now() / 1e6) }
    const isLimited = actor.namespaces.length > 0
    const [[newest], rejected, receivers, state] = await Promise.all([
      store.rows<Newest>(NEWEST_SQL, params),
      isLimited ? [] : store.rows<RejectedFacts>(rejectedSql(1)),
      isLimited ? [] : store.rows<z.output<typeof ReceiverHealth>>(RECEIVERS_SQL, params),
      read(),
    ])
    return {
      now: Math.floor(now() / 1000),
      parts: Object.entries(state.parts).map(([part, check]) => ({ part, ...check })),
      newestCall: newest!.newestCall,
      judgedUntil: newest!.judgedUntil,
      isStoreEmpty: newest!.isStoreEmpty === 1,
      rejected,
      receivers,
    }
  },
})

export const HEALTH_OPERATIONS: readonly Operation[] = [health]
