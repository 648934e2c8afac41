/** Hours of the week by name, in a time zone of their own: when a route is mute or active. */
import { z } from 'zod'
import { MINUTE } from '../../core/clock.ts'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

const Time = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time of day is written as 09:00, the end of the day as 24:00')

export const TimeInterval = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'a name is 1 to 64 letters, digits, _ or -')
    .describe('By which routes name it.'),
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .max(7)
    .default([...DAYS])
    .describe('Days of the week on which it begins.'),
  from: Time.default('00:00').describe('When it begins.'),
  until: Time.default('24:00').describe('When it ends; a time before `from` is on the next day.'),
  timeZone: z
    .string()
    .refine(isTimeZone, 'not a time zone such as Europe/Paris')
    .default('UTC')
    .describe('Of these times, by its name in the tz database.'),
})
export type TimeInterval = z.output<typeof TimeInterval>

/** Asked for many incidents at once: the answer holds for the minute. */
const answers = new WeakMap<TimeInterval, { minute: number; isIn: boolean }>()

/** `now`: epoch microseconds. */
export function isIn(interval: TimeInterval, now: number): boolean {
  const minute = Math.floor(now / MINUTE)
  const known = answers.get(interval)
  if (known?.minute === minute) return known.isIn
  const answer = { minute, isIn: judge(interval, now) }
  answers.set(interval, answer)
  return answer.isIn
}

function judge({ days, from, until, timeZone }: TimeInterval, now: number): boolean {
  const { day, minute } = localTime(now, timeZone)
  const [start, end] = [minutes(from), minutes(until)]
  const begins = (index: number) => days.includes(DAYS[(index + 7) % 7]!)
  if (start < end) return begins(day) && minute >= start && minute < end
  return (begins(day) && minute >= start) || (begins(day - 1) && minute < end)
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}

function localTime(now: number, timeZone: string): { day: number; minute: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now / 1000)
  const part = (type: string) => parts.find((one) => one.type === type)!.value
  const day = (DAYS as readonly string[]).indexOf(part('weekday').toLowerCase())
  return { day, minute: Number(part('hour')) * 60 + Number(part('minute')) }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}
