/**
 * Roles in one process: all of them, or one of several processes'. One long straight function, because each step needs the parts
 * before it.
 */
import { join } from 'node:path'
import type { GroupLag } from '../../core/bus/bus.ts'
import { openBus } from '../../core/bus/open.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { PipelineError } from '../../core/errors.ts'
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
import { Stops } from './stops.ts'
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
  /** Resolves when everything has stopped after the signal, or was given up (stops.ts); rejects with what made a part stop by itself. */
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
  if (roles.includes('console') && !roles.includes('storage') && config.storage.url === undefined) {
    throw new PipelineError('config', 'storage.url is needed: the console reads the store, and runs apart from it')
  }
  let phase = ''
  const enter = (next: string) => {
    signal.throwIfAborted()
    phase = next
    options.onPhase?.(next)
  }
  const stops = new Stops(logger)
  try {
    const policy = { ...config.policy, folder: join(config.dataFolder, config.policy.folder) }
    const dataFolder = isWhole ? config.dataFolder : join(config.dataFolder, roles.join('-'))
    const runs = (role: RoleName) => roles.includes(role)
    enter('reading the declared objects')
    prepareDataFolder(dataFolder)
    // The collector reads them again for itself; what is wrong with them is told before anything starts.
    if (runs('collector')) readPolicy(policy)

    const telemetry = startTelemetry(config.telemetry, VERSION)
    stops.add('telemetry', () => telemetry.stop())
    const health = new Health()
    health.register('start', () =>
      phase === '' ? { ready: true, detail: 'everything has started' } : { ready: false, detail: `${phase} ...` },
    )
    const healthServer = await serveHealth(config.telemetry.address, health, telemetry.metrics)
    stops.add('health', () => healthServer.stop())

    enter('opening the log')
    const bus = await openBus({ config: config.bus, dataFolder, requiredGroups: allGroups(config.bus), logger })
    stops.add('bus', () => bus.close())
    const own = roles.flatMap((role) => groupsOf(role, config.bus))
    const starts = watchStarts(bus, own)
    const context: RoleContext = { config, dataFolder, policy, bus: starts.bus, clock, ticking, health, logger }

    const running: RunningRole[] = []
    const started = <T extends RunningRole>(name: RoleName, role: T): T => {
      running.push(role)
      stops.add(name, () => role.stop())
      return role
    }
    let storage: StorageRole | undefined
    if (runs('storage')) {
      enter('starting the store')
      storage = started('storage', await startStorageRole(context))
    }
    if (runs('alerts')) started('alerts', startAlertsRole(context, watchClock))
    if (runs('detectors')) started('detectors', startDetectorsRole(context))
    let collector: CollectorRole | undefined
    if (runs('collector')) {
      enter('opening the listeners')
      collector = started('collector', await startCollectorRole(context))
    }
    let console: ConsoleRole | undefined
    if (runs('console')) console = started('console', await startConsoleRole(context, storage?.url))
    const groups = runs('alerts') ? allGroups(config.bus) : own
    const watching = watchProcess(health, { bus, groups, tells: runs('alerts'), clock, watchClock, logger })
    stops.add('watch', watching)

    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const ended = running.map((role) => role.ended)
    enter('bringing the tables up to date and reading what detectors and alerts remember')
    await Promise.race([starts.all, aborted, ...ended])
    enter('')
    const stopped = Promise.race([aborted, ...ended]).finally(() => stops.run())
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
    await stops.run()
    throw error
  }
}
