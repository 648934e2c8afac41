/** Storage: the sinks, and the embedded engine's process where no server is configured. */
import { metrics } from '@opentelemetry/api'
import { runStorage } from '../../storage/app.ts'
import { connectStore } from '../../storage/clickhouse.ts'
import { startStore } from '../../storage/start.ts'
import { type RoleContext, type RunningRole, runningRole } from './role.ts'

export interface StorageRole extends RunningRole {
  url: string
  /** Of the embedded engine's process; undefined while it is started again, and where a server is the store. */
  pid(): number | undefined
}

export async function startStorageRole({ config, bus, health, logger }: RoleContext): Promise<StorageRole> {
  const store = await startStore(config, logger)
  const client = connectStore(store)
  const sinks = runningRole((signal) => runStorage({ config: config.storage, bus, client, logger }, signal))
  health.register('store', () => store.check())
  const { restarts } = store
  if (restarts !== undefined) {
    metrics
      .getMeter('eastwatch.pipeline')
      .createObservableCounter('eastwatch_store_restarts', {
        description: 'Times the store process ended unexpectedly and was started again.',
      })
      .addCallback((result) => result.observe(restarts()))
  }
  const ended = Promise.race([sinks.ended, store.failed])
  ended.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    url: store.url,
    pid: () => store.pid?.(),
    ended,
    async stop() {
      await sinks.stop()
      await client.close()
      await store.stop()
    },
  }
}
