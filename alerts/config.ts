import { z } from 'zod'
import { HeartbeatConfig } from './heartbeat-config.ts'
import { ReceiverConfig } from './notify/config.ts'
import { Url } from './notify/endpoint.ts'

export const AlertsConfig = z.strictObject({
  receivers: z
    .array(ReceiverConfig)
    .max(32)
    .default([])
    .refine((receivers) => new Set(receivers.map(({ name }) => name)).size === receivers.length, {
      message: 'two receivers have the same name',
    })
    .describe('Who is told of incidents. None by default.'),
  consoleUrl: Url.optional().describe(
    'Address at which people reach the console, for the links in messages, such as https://eastwatch.example.com. Without it there are none.',
  ),
  heartbeat: HeartbeatConfig.optional().describe(
    'An external receiver that hears from Eastwatch each minute, and should alert when it does not.',
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
        .describe('Messages waiting for one receiver in one partition; more are told in one summary.'),
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
export type AlertsConfig = z.output<typeof AlertsConfig>
