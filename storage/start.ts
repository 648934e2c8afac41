import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import type { StoreAddress } from './clickhouse.ts'
import type { StorageConfig } from './config.ts'
import { type EmbeddedStore, startEmbedded } from './embedded/supervisor.ts'
import { reachStore } from './remote.ts'
import type { RunningStore } from './running-store.ts'

export interface StoreConfig {
  dataFolder: string
  storage: StorageConfig
}

/** Beside this file in the compiled program. */
const ENTRY = join(import.meta.dirname, 'embedded/server.js')

/** The store that the configuration names: a server, or the embedded engine on the data folder. */
export function startStore(config: StoreConfig, logger: Logger): Promise<RunningStore> {
  const server = serverOf(config.storage)
  return server === undefined ? startEngine(config, logger) : reachStore(server)
}

/** The server of the configuration, as its writer reaches it; undefined where the engine is embedded. */
export function serverOf({ url, username, password, tls, cluster }: StorageConfig): StoreAddress | undefined {
  return url === undefined ? undefined : { url, username, password, tls, cluster }
}

/** Starts the embedded engine of a data folder. `port` where it is not the configured one. */
export function startEngine(
  { dataFolder, storage }: StoreConfig,
  logger: Logger,
  options: { entry?: string; port?: number } = {},
): Promise<EmbeddedStore> {
  const { maxAtOnce, ...limits } = storage.query
  return startEmbedded({
    entry: options.entry ?? ENTRY,
    folder: dataFolder,
    port: options.port ?? storage.port,
    readerPassword: storage.readerPassword,
    limits,
    readsAtOnce: maxAtOnce,
    logger,
  })
}
