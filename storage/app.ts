/** The storage role: brings the schema up to date, then stores what the bus carries until the signal aborts. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bus } from '../core/bus/bus.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { retry } from '../core/retry.ts'
import type { Store } from './clickhouse.ts'
import type { StorageConfig } from './config.ts'
import { migrate } from './migrate.ts'
import { applyTtl, enforceMaxBytes } from './retention.ts'
import { groupOf, runSink } from './sink-processor.ts'
import { SINKS } from './sinks/registry.ts'

const RETENTION_MS = 60_000

/** Bus groups of the sinks, for readiness and back-pressure. */
export const STORAGE_GROUPS = SINKS.map((sink) => ({ group: groupOf(sink), topic: sink.topic }))

export interface StorageOptions {
  config: StorageConfig
  bus: Bus
  client: Store
  logger: Logger
}

/** Migrates; resolves when the store is ready for sinks and queries. */
export async function prepareStore({ config, client, logger }: StorageOptions, signal: AbortSignal): Promise<void> {
  const onRetry = (error: unknown) => logger.warn({ error: messageOf(error) }, 'the store is not ready yet')
  await retry(
    async () => {
      const applied = await migrate(client)
      const changed = await applyTtl(client, config.ttlDays)
      if (applied.length + changed.length > 0)
        logger.info({ migrations: applied, ttl: changed }, 'the store is up to date')
    },
    { signal, firstMs: 200, maxMs: 5_000, onRetry },
  )
}

/**
 * Resolves when the signal aborts and all sinks have stopped; rejects when one cannot go on. Sinks wait for what the store is at: whoever stops
 * this closes the client where that takes too long.
 */
export async function runStorage(options: StorageOptions, signal: AbortSignal): Promise<void> {
  const { bus, client } = options
  await prepareStore(options, signal)
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  try {
    void keepWithin(options, both)
    await Promise.all(SINKS.map((sink) => runSink(sink, bus, client, both)))
  } finally {
    stop.abort()
  }
}

/** Until the signal aborts; a look that is under way then ends with the client. */
async function keepWithin({ config, client, logger }: StorageOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await enforceMaxBytes(client, config.maxBytes, logger).catch((error: unknown) => {
      if (!signal.aborted) logger.warn({ error: messageOf(error) }, 'the size of the store could not be checked')
    })
    await delay(RETENTION_MS, undefined, { signal }).catch(() => {})
  }
}
