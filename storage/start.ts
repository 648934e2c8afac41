import { join } from 'node:path'
import type { Logger } from '../core/logger.ts'
import type { StorageConfig } from './config.ts'
import { type EmbeddedStore, startEmbedded } from './embedded/supervisor.ts'

export interface StoreConfig {
  dataFolder: string
  storage: StorageConfig
}

/** Beside this file in the compiled program. */
const ENTRY = join(import.meta.dirname, 'embedded/server.js')

/** Starts the embedded store of a data folder. `port` where it is not the configured one. */
export function startStore(
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
