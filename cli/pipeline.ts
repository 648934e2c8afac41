/** All roles in one process: the embedded pipeline, and the same on Kafka. */
import type { GroupLag } from '../core/bus/bus.ts'
import { ALL_ROLES } from './roles/role.ts'
import { type RolesOptions, startRoles } from './roles/start.ts'

export type PipelineOptions = Omit<RolesOptions, 'roles'>

export interface Pipeline {
  ports: { grpc: number; http: number; health: number; clickhouse: number }
  /** Where people reach it. */
  consoleUrl: string
  /** Where declared objects are read from. */
  policyFolder: string
  /** Writes the clock's time into the log now. */
  tick(): Promise<void>
  /** How far each group is behind. */
  lag(): Promise<GroupLag[]>
  /** Reads the declared objects anew; where they are broken the old ones stay, and it rejects. */
  reloadPolicy(): Promise<void>
  /** Process id of the store's child, where it runs. */
  storePid(): number | undefined
  /** Resolves when everything has stopped after the signal; rejects with what made a part stop by itself. */
  stopped: Promise<void>
}

/** As `startRoles` resolves and rejects. */
export async function startPipeline(options: PipelineOptions, signal: AbortSignal): Promise<Pipeline> {
  const roles = await startRoles({ ...options, roles: ALL_ROLES }, signal)
  const collector = roles.collector!
  const storage = roles.storage!
  return {
    ports: { ...collector.ports, health: roles.healthPort, clickhouse: Number(new URL(storage.url).port) },
    consoleUrl: roles.console!.url,
    policyFolder: roles.policyFolder,
    tick: () => collector.tick(),
    lag: () => roles.lag(),
    reloadPolicy: () => collector.reloadPolicy(),
    storePid: () => storage.pid(),
    stopped: roles.stopped,
  }
}
