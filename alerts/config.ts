import { z } from 'zod'
import { HeartbeatConfig } from './heartbeat-config.ts'
import { ReceiverConfig } from './notify/config.ts'
import { InhibitRule, RootRoute, type RouteConfig } from './routing/config.ts'
import { TimeInterval } from './routing/intervals.ts'

/** Routes in all, and one in the other. */
const MAX_ROUTES = 256
const MAX_DEPTH = 8

/** A destination that is gone explains what its callers see. */
const DEFAULT_INHIBITION: InhibitRule[] = [
  {
    source: ['detector="telemetry_stopped"', 'kind="destination_silent"'],
    target: ['detector=~"latency_shift|slow_drift"', 'severity!="critical"'],
    equal: ['destination'],
  },
]

const Fields = z.strictObject({
  receivers: z
    .array(ReceiverConfig)
    .max(32)
    .default([])
    .refine((receivers) => new Set(receivers.map(({ name }) => name)).size === receivers.length, {
      message: 'two receivers have the same name',
    })
    .describe('Who is told of incidents. None by default.'),
  route: RootRoute.prefault({}).describe(
    'Who is told of which incidents, and how they are grouped. By default everybody of everything.',
  ),
  timeIntervals: z
    .array(TimeInterval)
    .max(64)
    .default([])
    .refine((intervals) => new Set(intervals.map(({ name }) => name)).size === intervals.length, {
      message: 'two time intervals have the same name',
    })
    .describe('Hours that routes name in muteDuring and activeDuring.'),
  inhibit: z
    .array(InhibitRule)
    .max(32)
    .default(DEFAULT_INHIBITION)
    .describe('Which open incidents hold back which others. Incidents that are held back are recorded all the same.'),
  heartbeat: HeartbeatConfig.optional().describe(
    'An external receiver that hears from Eastwatch each minute, and should alert when it does not.',
  ),
  shadowUntil: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text) * 1000)
    .optional()
    .describe(
      'For a first rollout: of incidents that open before this time, such as 2027-02-01T08:00:00Z, only the critical ones are told. All are recorded.',
    ),
  reopenHours: z
    .number()
    .positive()
    .max(168)
    .default(24)
    .describe(
      'A resolved incident whose cause comes back within this time reopens under its id; later it is a new one.',
    ),
  maxIncidents: z
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(20_000)
    .describe('Incidents held at once, open or waiting to reopen; past it the least severe are closed early.'),
  outbox: z
    .strictObject({
      retryFirstMs: z
        .number()
        .int()
        .positive()
        .default(5_000)
        .describe('Pause after the first failed attempt; it doubles with each further one.'),
      retryMaxMs: z
        .number()
        .int()
        .positive()
        .default(30 * 60_000)
        .describe('Longest pause between attempts. A longer Retry-After is honoured up to an hour.'),
      giveUpAfterHours: z
        .number()
        .positive()
        .max(168)
        .default(24)
        .describe('After so long without success a message becomes a dead letter.'),
      maxPending: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(100)
        .describe('Messages waiting for one receiver; more are told in one summary, the critical ones beside it.'),
      messagesPerMinute: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(60)
        .describe('Most messages to one receiver in a minute, all at once or spread; the rest waits.'),
    })
    .prefault({}),
})

export const AlertsConfig = Fields.superRefine(({ route, receivers, timeIntervals }, context) => {
  const receiverNames = receivers.map(({ name }) => name)
  const intervalNames = timeIntervals.map(({ name }) => name)
  let routes = 0
  const check = (one: Omit<RouteConfig, 'match' | 'continue'>, path: (string | number)[], depth: number): void => {
    routes += 1
    if (routes > MAX_ROUTES) return
    if (depth > MAX_DEPTH) {
      context.addIssue({ code: 'custom', path, message: `routes are nested deeper than ${MAX_DEPTH}` })
      return
    }
    const known = (key: 'receivers' | 'muteDuring' | 'activeDuring', names: readonly string[]) => {
      for (const [i, name] of (one[key] ?? []).entries()) {
        if (!names.includes(name)) {
          context.addIssue({
            code: 'custom',
            path: [...path, key, i],
            message: `no ${key === 'receivers' ? 'receiver' : 'time interval'} has the name ${JSON.stringify(name)}`,
          })
        }
      }
    }
    known('receivers', receiverNames)
    known('muteDuring', intervalNames)
    known('activeDuring', intervalNames)
    for (const [i, child] of one.routes.entries()) check(child, [...path, 'routes', i], depth + 1)
  }
  check(route, ['route'], 0)
  if (routes > MAX_ROUTES)
    context.addIssue({ code: 'custom', path: ['route'], message: `there are more than ${MAX_ROUTES} routes` })
})
export type AlertsConfig = z.output<typeof AlertsConfig>
