/** Collector: the listeners, in a thread of their own, and what is known of names. */

import { kafkaSourceInput } from '../../collector/kafka/config.ts'
import { observeBehind, observeCollector } from '../../collector/metrics.ts'
import { type FollowedNames, followNames } from '../../collector/naming/follow.ts'
import { rememberNames } from '../../collector/naming/remember.ts'
import { type CollectorThread, startCollectorThread } from '../../collector/thread/start.ts'
import type { Bus } from '../../core/bus/bus.ts'
import { messageOf } from '../../core/errors.ts'
import type { Check } from '../../core/telemetry/health.ts'
import type { RoleContext, RunningRole } from './role.ts'

export interface CollectorRole extends RunningRole {
  ports: { grpc: number; http: number }
  /** Writes the clock's time into the log now. */
  tick(): Promise<void>
  /** Reads the declared objects anew; where they are broken the old ones stay, and it rejects. */
  reloadPolicy(): Promise<void>
}

/** Resolves when both listeners are open. */
export async function startCollectorRole(context: RoleContext): Promise<CollectorRole> {
  const { config, dataFolder, policy, bus, clock, ticking, health } = context
  const naming = new AbortController()
  const accepting = new AbortController()
  const names = namesOf(context, naming.signal)
  const endNames = async (): Promise<void> => {
    naming.abort()
    await Promise.allSettled([names.running])
  }
  let thread: CollectorThread
  try {
    const { collector, logLevel } = config
    const naming = { names: await names.before, upToNow: names.upToNow }
    const kafka = collector.kafka && kafkaSourceInput(collector.kafka, config.bus.kafka)
    const options = { config: collector, kafka, dataFolder, policy, bus, ...naming, clock, ticking, logLevel }
    thread = await startCollectorThread(options, accepting.signal)
  } catch (error) {
    await endNames()
    throw error
  }
  names.pass((more) => thread.know(more))
  health.register('collector', () =>
    accepting.signal.aborted
      ? { ready: false, detail: 'it is stopping and takes nothing more' }
      : { ready: true, detail: `listens on ports ${thread.ports.grpc} (gRPC) and ${thread.ports.http} (HTTP)` },
  )
  health.register('bus', () => checkBus(bus, thread))
  if (names.upToNow !== undefined) health.register('names', () => checkNames(names.upToNow!()))
  if (config.collector.kafka !== undefined) {
    health.register('kafka', () => thread.kafkaState() ?? { ready: true, detail: 'begins to read' })
    observeBehind(() => thread.kafkaBehindSeconds())
  }
  observeCollector(() => thread.counts())
  const ended = Promise.race([thread.stopped, names.running])
  ended.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    ports: thread.ports,
    tick: () => thread.tick(),
    reloadPolicy: () => thread.reloadPolicy(),
    ended,
    async stop() {
      accepting.abort()
      await Promise.allSettled([thread.stopped])
      await endNames()
    },
  }
}

/** Where one process has the log to itself it is the only one that learns, and keeps in the log's state what it has learned. */
function namesOf({ bus, logger }: RoleContext, signal: AbortSignal): FollowedNames {
  if (bus.follow === undefined) return { ...rememberNames({ bus, logger }, signal), pass: () => {} }
  return followNames({ follow: (options) => bus.follow!(options), logger }, signal)
}

/** Calls wait for them, so that it takes none where they cannot be had. */
async function checkNames(upToNow: Promise<void>): Promise<Check> {
  try {
    await upToNow
    return { ready: true, detail: 'what other collectors have learned is known' }
  } catch (error) {
    return { ready: false, detail: messageOf(error) }
  }
}

/** Takes records: it has room, and its last tick was written. */
async function checkBus(bus: Bus, collector: CollectorThread): Promise<Check> {
  const refused = collector.tickFailure()
  if (refused !== undefined) return { ready: false, detail: refused }
  try {
    await bus.publish([])
    return { ready: true, detail: 'takes records' }
  } catch (error) {
    return { ready: false, detail: messageOf(error) }
  }
}
