/** The stretch of time that a question is about. */
import { z } from 'zod'
import { PipelineError } from '../../../core/errors.ts'

const MAX_DAYS = 31
const MAX_SPAN_MS = MAX_DAYS * 86_400_000

const Time = z.coerce.number().min(0).max(4e12)

export const RANGE = {
  from: Time.describe('After this, epoch milliseconds.'),
  until: Time.describe('Up to and with this, epoch milliseconds.'),
}

/** Seconds since the epoch. */
export interface Seconds {
  from: number
  until: number
}

/** Throws `bad_input` where it is no stretch of time, or too long a one. */
export function secondsOf({ from, until }: { from: number; until: number }): Seconds {
  if (until <= from) throw new PipelineError('bad_input', 'until: it must be after from')
  if (until - from > MAX_SPAN_MS) throw new PipelineError('bad_input', `from, until: at most ${MAX_DAYS} days`)
  return { from: Math.floor(from / 1000), until: Math.floor(until / 1000) }
}

/** Rows of `windows` and `paths` in it. */
export const IN_RANGE = 'end > toDateTime({from:UInt32}) AND end <= toDateTime({until:UInt32})'
/** Findings of windows in it. */
export const FOUND_IN_RANGE =
  'window_end > toDateTime64({from:UInt32}, 6) AND window_end <= toDateTime64({until:UInt32}, 6)'
