/** Operations on silences: list, make one, end one. */
import { z } from 'zod'
import { MINUTE } from '../../core/clock.ts'
import { messageOf, PipelineError } from '../../core/errors.ts'
import { MAX_MATCHER_LENGTH, MAX_MATCHERS, parseMatcher } from '../matcher.ts'
import { MAX_SILENCE_US } from '../silences.ts'
import { type Operation, operation } from './operation.ts'
import { acted, Reason, Taken, take } from './take.ts'

const MAX_LISTED = 1_000

const SilenceAnswer = z.object({
  id: z.string(),
  matchers: z.array(z.string()),
  startsAt: z.number(),
  endsAt: z.number(),
  createdAt: z.number(),
  createdBy: z.string(),
  reason: z.string(),
  namespaces: z.array(z.string()),
  byAdmin: z.boolean(),
})
type SilenceAnswer = z.output<typeof SilenceAnswer>

const ms = (column: string) => `toFloat64(toUnixTimestamp64Milli(${column}))`
const SILENCE_COLUMNS = `id, matchers, ${ms('starts_at')} AS startsAt, ${ms('ends_at')} AS endsAt,
  ${ms('created_at')} AS createdAt, created_by AS createdBy, reason, namespaces, by_admin AS byAdmin`
/** Of somebody who is limited to namespaces, those alone that are limited likewise: others name what is not theirs. */
const IS_VISIBLE = `(empty({own:Array(String)}) OR (notEmpty(namespaces) AND hasAll({own:Array(String)}, namespaces)))`

const list = operation({
  method: 'get',
  path: '/silences',
  summary: 'Silences that are in force or will be.',
  role: 'reader',
  answer: z.object({ silences: z.array(SilenceAnswer) }),
  async handle({ actor }, { store, now }) {
    const silences = await store.rows<SilenceAnswer>(
      `SELECT ${SILENCE_COLUMNS} FROM eastwatch.silences FINAL
       WHERE ends_at > fromUnixTimestamp64Milli({now:Int64}) AND ${IS_VISIBLE} ORDER BY ends_at, id LIMIT ${MAX_LISTED}`,
      { now: Math.floor(now() / 1000), own: actor.namespaces },
    )
    return { silences }
  },
})

const make = operation({
  method: 'post',
  path: '/silences',
  summary:
    'Mutes incidents whose every value matches. They are recorded all the same, and told afterwards if still open.',
  role: 'operator',
  body: z.object({
    matchers: z
      .array(z.string().max(MAX_MATCHER_LENGTH))
      .min(1)
      .max(MAX_MATCHERS)
      .describe('Such as destination="payment.shop" or detector=~"denial_spike|new_path"; all must hold.'),
    minutes: z
      .number()
      .int()
      .min(1)
      .max(MAX_SILENCE_US / MINUTE)
      .describe('How long; at most 7 days.'),
    startsAt: z.number().int().min(0).max(8e15).optional().describe('Epoch milliseconds; now by default.'),
    reason: Reason,
  }),
  answer: Taken,
  accepted: true,
  async handle({ actor, body: { matchers, minutes, startsAt, reason } }, context) {
    try {
      for (const matcher of matchers) parseMatcher(matcher)
    } catch (error) {
      throw new PipelineError('bad_input', messageOf(error))
    }
    const start = startsAt === undefined ? context.now() : startsAt * 1000
    const times = { startsAt: start, endsAt: Math.max(start, context.now()) + minutes * MINUTE }
    return take({ ...acted(actor, reason, context), type: 'silence', matchers, ...times }, context)
  },
})

const end = operation({
  method: 'delete',
  path: '/silences/{id}',
  summary: 'Ends a silence at once.',
  role: 'operator',
  answer: Taken,
  accepted: true,
  async handle({ actor, path: { id } }, context) {
    const [silence] = await context.store.rows<{ by_admin: boolean }>(
      `SELECT by_admin FROM eastwatch.silences FINAL WHERE id = {id:String} AND ${IS_VISIBLE}`,
      { id, own: actor.namespaces },
    )
    if (silence === undefined) throw new PipelineError('not_found', `there is no silence ${id}`)
    return take({ ...acted(actor, 'ended by hand', context), type: 'end_silence', silenceId: id! }, context)
  },
})

export const SILENCE_OPERATIONS: readonly Operation[] = [list, make, end]
