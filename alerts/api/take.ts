/**
 * Takes a person's action: it is in the log, and so in force, before anything is answered. Then what it came to is waited for a while:
 * its audit is stored behind all that it changed (storage/sinks/incidents.ts), so whatever is read after the answer shows it.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type Action, type Actor, encodeAction } from '../../core/action.ts'
import { TOPIC } from '../../core/bus/topics.ts'
import { PipelineError } from '../../core/errors.ts'
import { DONE, outcomeOf } from '../outcome.ts'
import { MAX_REASON } from '../silences.ts'
import type { ApiContext } from './operation.ts'

/** Where it takes longer, the log is behind: nobody is kept waiting for that. */
const PATIENCE_MS = 5_000
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 250

export const Reason = z.string().trim().min(3).max(MAX_REASON).describe('Why, in a few words: it stands in the audit.')

export const Taken = z.object({
  action: z.string().describe('Its id in the audit, where its outcome stands.'),
  shows: z
    .boolean()
    .describe('All that is read from now on shows it; false where the log is behind, and it shows later.'),
})
export type Taken = z.output<typeof Taken>

/** What every action says of itself. */
export function acted(actor: Actor, reason: string, { now }: Pick<ApiContext, 'now'>) {
  return { id: randomBytes(16).toString('hex'), at: now(), actor, reason }
}

/** Throws `bus_unavailable` and the like where nothing was done, and `conflict` where it came to nothing. */
export async function take(action: Action, { bus, store }: Pick<ApiContext, 'bus' | 'store'>): Promise<Taken> {
  await bus.publish([{ topic: TOPIC.findings, partition: 0, value: encodeAction(action) }])
  const detail = await auditOf(action, store)
  const outcome = detail === undefined ? DONE : outcomeOf(detail, action.reason)
  if (outcome !== DONE) throw new PipelineError('conflict', outcome)
  return { action: action.id, shows: detail !== undefined }
}

/** Its detail; undefined where it is not there in time, or the store does not say. */
async function auditOf({ id, at }: Action, store: ApiContext['store']): Promise<string | undefined> {
  const until = performance.now() + PATIENCE_MS
  for (let pause = FIRST_PAUSE_MS; performance.now() < until; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    await delay(pause)
    // What the store cannot say now does not undo what is in the log.
    const rows = await store
      .rows<{ detail: string }>(
        'SELECT detail FROM eastwatch.audit WHERE at = fromUnixTimestamp64Micro({at:Int64}) AND id = {id:String}',
        { id, at: Math.floor(at) },
      )
      .catch(() => [])
    if (rows[0] !== undefined) return rows[0].detail
  }
  return undefined
}
