/** Storage: the embedded engine's process, and the sinks. */
import { metrics } from '@opentelemetry/api'
import { counted } from '../../alerts/words.ts'
import type { Check } from '../../core/telemetry/health.ts'
import { runStorage } from '../../storage/app.ts'
import { connectStore } from '../../storage/clickhouse.ts'
import type { EmbeddedStore } from '../../storage/embedded/supervisor.ts'
import { startStore } from '../../storage/start.ts'
import { type RoleContext, type RunningRole, runningRole } from './role.ts'

export interface StorageRole extends RunningRole {
  url: string
  /** Of the engine's process; undefined while it is started again. */
  pid(): number | undefined
}

/** The store answers a ping at once, however busy its engine is. */
const PING_MS = 5_000

export async function startStorageRole({ config, bus, health, logger }: RoleContext): Promise<StorageRole> {
  const store = await startStore(config, logger)
  const client = connectStore(store)
  const sinks = runningRole((signal) => runStorage({ config: config.storage, bus, client, logger }, signal))
  health.register('store', () => checkStore(store))
  metrics
    .getMeter('eastwatch.pipeline')
    .createObservableCounter('eastwatch_store_restarts', {
      description: 'Times the store process ended unexpectedly and was started again.',
    })
    .addCallback((result) => result.observe(store.restarts()))
  const ended = Promise.race([sinks.ended, store.failed])
  ended.catch(() => {
    // Told to whoever awaits it.
  })
  return {
    url: store.url,
    pid: () => store.pid(),
    ended,
    async stop() {
      await sinks.stop()
      await client.close()
      await store.stop()
    },
  }
}

/** A process that is there may hang all the same. */
async function checkStore(store: EmbeddedStore): Promise<Check> {
  if (store.pid() === undefined) return { ready: false, detail: 'it is starting again' }
  try {
    await (await fetch(`${store.url}/ping`, { signal: AbortSignal.timeout(PING_MS) })).text()
    return { ready: true, detail: `answers; started again ${counted(store.restarts(), 'times')}` }
  } catch {
    return { ready: false, detail: `does not answer within ${PING_MS / 1000} s` }
  }
}
