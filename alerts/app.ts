/** The alerts role: incidents, outbox, heartbeat. */
import type { Bus } from '../core/bus/bus.ts'
import { TOPIC } from '../core/bus/topics.ts'
import { type Clock, HOUR, SECOND } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Health } from '../core/telemetry/health.ts'
import type { AlertsConfig } from './config.ts'
import { type Progress, runHeartbeat } from './heartbeat.ts'
import { startIncidents } from './incidents.ts'
import { Lane } from './lane.ts'
import { createChannel } from './notify/registry.ts'
import { startOutbox } from './outbox.ts'
import { Router } from './routing/tree.ts'

export interface AlertsOptions {
  config: AlertsConfig
  bus: Bus
  /** Time of the outgoing side only; incidents live by the log's ticks. */
  clock: Clock
  logger: Logger
  /** Filled with how far the log's time has come at the end, in the partitions of incidents. */
  progress: Progress
  /** What /readyz tells; while it is not ready there are no heartbeats. */
  health: Pick<Health, 'read'>
  /** Where people reach the console: messages link to it. */
  consoleUrl?: string | undefined
  /** Of this process: where a receiver's file may be. */
  dataFolder: string
  /** Eastwatch's version, for heartbeats and findings. */
  version: string
}

/** Messages a minute: more than can be sent. */
const UNLIMITED = 1_000_000

/** Groups that must keep up, or the log holds on to what they have not read. */
export const ALERT_GROUPS = { incidents: 'incidents', notify: 'notify' } as const

/** Runs until the signal aborts; rejects when a processor fails for good. */
export async function runAlerts(options: AlertsOptions, signal: AbortSignal): Promise<void> {
  const { config, bus, clock, logger, progress, health, consoleUrl, dataFolder, version } = options
  const around = { consoleUrl, dataFolder, version }
  const failed = new AbortController()
  const running = AbortSignal.any([signal, failed.signal])
  const lanes = new Map(
    config.receivers.map((receiver) => {
      const channel = createChannel(receiver, around)
      // The limit spares people; a program is told of everything, again and again.
      const perMinute = channel.repeatSeconds === undefined ? config.outbox.messagesPerMinute : UNLIMITED
      return [receiver.name, new Lane(channel, perMinute)]
    }),
  )
  const incidents = bus.process({
    topic: TOPIC.findings,
    group: ALERT_GROUPS.incidents,
    signal: running,
    start: (assignment) =>
      startIncidents(assignment, {
        producers: stageProducers(bus),
        reopenUs: config.reopenHours * HOUR,
        maxIncidents: config.maxIncidents,
        logger,
      }),
  })
  const outbox = bus.process({
    topic: TOPIC.incidents,
    group: ALERT_GROUPS.notify,
    signal: running,
    onAssigned: (share) => progress.share(share),
    start: (assignment) =>
      startOutbox(assignment, {
        ...config.outbox,
        inhibit: config.inhibit,
        shadowUntil: config.shadowUntil ?? 0,
        receivers: config.receivers.map(({ name, minSeverity }) => {
          const { repeatSeconds, holdsOpen } = lanes.get(name)!.channel
          return { name, minSeverity, repeatUs: repeatSeconds && repeatSeconds * SECOND, holdsOpen }
        }),
        router: new Router(
          config.route,
          config.receivers.map(({ name }) => name),
          config.timeIntervals,
        ),
        lanes,
        clock,
        onTick: (partition, time) => progress.observe(partition, time),
        logger,
      }),
  })
  const heartbeat =
    config.heartbeat === undefined
      ? Promise.resolve()
      : runHeartbeat({ config: config.heartbeat, progress, health, clock, version, logger }, running)
  try {
    await Promise.all([incidents, outbox, heartbeat])
  } finally {
    failed.abort()
    await Promise.allSettled([incidents, outbox, heartbeat])
  }
}

/** Who ticks into findings. */
function stageProducers(bus: Bus): string[] {
  const each = (stage: string, topic: string) =>
    Array.from({ length: bus.partitions(topic) }, (_, i) => `${stage}/${i}`)
  return [...each('stage1', TOPIC.calls), ...each('stage2', TOPIC.windows)]
}
