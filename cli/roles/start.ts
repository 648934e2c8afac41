/**
 * Roles in one process: all of them, or one of several processes'. One long straight function, because each step needs the parts
 * before it.
 */
import { join } from 'node:path'
import type { GroupLag } from '../../core/bus/bus.ts'
import { openBus } from '../../core/bus/open.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { messageOf, PipelineError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { Health, serveHealth } from '../../core/telemetry/health.ts'
import { startTelemetry } from '../../core/telemetry/telemetry.ts'
import { readPolicy } from '../../policy/read.ts'
import type { EastwatchConfig } from '../config.ts'
import { prepareDataFolder } from '../data-folder.ts'
import { watchStarts } from '../starts.ts'
import { VERSION } from '../version.ts'
import { watchProcess } from '../watch.ts'
import { startAlertsRole } from './alerts.ts'
import { type CollectorRole, startCollectorRole } from './collector.ts'
import { type ConsoleRole, startConsoleRole } from './console.ts'
import { startDetectorsRole } from './detectors.ts'
import { allGroups, groupsOf } from './groups.ts'
import { ROLES, type RoleContext, type RoleName, type RunningRole } from './role.ts'
import { type StorageRole, startStorageRole } from './storage.ts'

export interface RolesOptions {
  config: EastwatchConfig
  roles: readonly RoleName[]
  /** The system's, or one in shared memory (core/clock.ts). */
  clock: Clock
  /** False where somebody else says when time goes on (the demo, tests): then `tick` is called by hand. */
  ticking: boolean
  /** By which the process itself is watched, whoever drives the log's time: the system's, unless a test has its own. */
  watchClock?: Clock
  logger: Logger
  /** Told what the start is at, each time that changes. */
  onPhase?: (phase: string) => void
}

export interface RunningRoles {
  healthPort: number
  /** Where declared objects are read from. */
  policyFolder: string
  /** Where this process keeps what is its own. */
  dataFolder: string
  /** Where it is among the roles. */
  collector: CollectorRole | undefined
  storage: StorageRole | undefined
  console: ConsoleRole | undefined
  /** How far each group is behind. */
  lag(): Promise<GroupLag[]>
  /** Resolves when everything has stopped after the signal; rejects with what made a part stop by itself. */
  stopped: Promise<void>
}

/**
 * Resolves when everything answers: listeners, the store with its tables up to date, detectors and alerts with what they remember of
 * their share. Rejects with a clear error, and nothing left running, when a part cannot start; with the signal's reason when it aborts
 * before.
 */
export async function startRoles(options: RolesOptions, signal: AbortSignal): Promise<RunningRoles> {
  const { config, roles, clock, ticking, logger, watchClock = systemClock } = options
  const isWhole = ROLES.every((role) => roles.includes(role))
  if (!isWhole && config.bus.kafka === undefined) {
    throw new PipelineError(
      'config',
      `bus.kafka is needed to run ${roles.join(', ')} alone: 'eastwatch up' runs everything`,
    )
  }
  let phase = ''
  const enter = (next: string) => {
    signal.throwIfAborted()
    phase = next
    options.onPhase?.(next)
  }
  const cleanUps: (() => void | Promise<void>)[] = []
  const cleanUp = async () => {
    for (const step of cleanUps.reverse()) {
      try {
        await step()
      } catch (error) {
        logger.error({ error: messageOf(error) }, 'a part did not stop cleanly')
      }
    }
  }
  try {
    const policy = { ...config.policy, folder: join(config.dataFolder, config.policy.folder) }
    const dataFolder = isWhole ? config.dataFolder : join(config.dataFolder, roles.join('-'))
    const runs = (role: RoleName) => roles.includes(role)
    enter('reading the declared objects')
    prepareDataFolder(dataFolder)
    // The collector reads them again for itself; what is wrong with them is told before anything starts.
    if (runs('collector')) readPolicy(policy)

    const telemetry = startTelemetry(config.telemetry, VERSION)
    cleanUps.push(() => telemetry.stop())
    const health = new Health()
    health.register('start', () =>
      phase === '' ? { ready: true, detail: 'everything has started' } : { ready: false, detail: `${phase} ...` },
    )
    const healthServer = await serveHealth(config.telemetry.address, health, telemetry.metrics)
    cleanUps.push(() => healthServer.stop())

    enter('opening the log')
    const bus = await openBus({ config: config.bus, dataFolder, requiredGroups: allGroups(config.bus), logger })
    cleanUps.push(() => bus.close())
    const own = roles.flatMap((role) => groupsOf(role, config.bus))
    const starts = watchStarts(bus, own)
    const context: RoleContext = { config, dataFolder, policy, bus: starts.bus, clock, ticking, health, logger }

    const running: RunningRole[] = []
    const started = <T extends RunningRole>(role: T): T => {
      running.push(role)
      cleanUps.push(() => role.stop())
      return role
    }
    let storage: StorageRole | undefined
    if (runs('storage')) {
      enter('starting the store')
      storage = started(await startStorageRole(context))
    }
    if (runs('alerts')) started(startAlertsRole(context, watchClock))
    if (runs('detectors')) started(startDetectorsRole(context))
    let collector: CollectorRole | undefined
    if (runs('collector')) {
      enter('opening the listeners')
      collector = started(await startCollectorRole(context))
    }
    let console: ConsoleRole | undefined
    if (runs('console')) console = started(await startConsoleRole(context, storage?.url))
    const groups = runs('alerts') ? allGroups(config.bus) : own
    cleanUps.push(watchProcess(health, { bus, groups, tells: runs('alerts'), clock, watchClock, logger }))

    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const ended = running.map((role) => role.ended)
    enter('bringing the tables up to date and reading what detectors and alerts remember')
    await Promise.race([starts.all, aborted, ...ended])
    enter('')
    const stopped = Promise.race([aborted, ...ended]).finally(cleanUp)
    stopped.catch(() => {
      // Told to whoever awaits it.
    })
    return {
      healthPort: healthServer.port,
      policyFolder: policy.folder,
      dataFolder,
      collector,
      storage,
      console,
      lag: () => bus.lag(),
      stopped,
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}
