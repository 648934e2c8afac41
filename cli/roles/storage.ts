/** Storage: the sinks, and the embedded engine's process where no server is configured. */
import { metrics } from '@opentelemetry/api'
import { settlesWithin } from '../../core/waiting.ts'
import { runStorage } from '../../storage/app.ts'
import { connectStore } from '../../storage/clickhouse.ts'
import { startStore } from '../../storage/start.ts'
import { type RoleContext, type RunningRole, runningRole } from './role.ts'

/** What the store is at when this stops is given up then. Batches are the same at the next start, and what was stored of them is found. */
const FINISH_MS = 10_000

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
      const stopped = sinks.stop()
      if (!(await settlesWithin(stopped, FINISH_MS))) {
        logger.warn(
          { url: store.url },
          `what the store was asked is given up, as it was not done ${FINISH_MS / 1000} s after the stop: the next start does it again`,
        )
      }
      await client.close()
      await stopped
      await store.stop()
    },
  }
}
