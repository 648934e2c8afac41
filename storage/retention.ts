/** Keeps the store within its limits: each table's days, and the bytes of all. */
import type { Logger } from '../core/logger.ts'
import { counter, gauge } from '../core/telemetry/instruments.ts'
import type { Store } from './clickhouse.ts'
import type { StorageConfig } from './config.ts'

const dropped = counter('eastwatch.storage', 'eastwatch_dropped_bytes', {
  unit: 'By',
  description: 'Bytes of calls dropped before their time because the store reached storage.maxBytes.',
})
const size = gauge('eastwatch.storage', 'eastwatch_store_bytes', { unit: 'By', description: 'Bytes of the store.' })

const TTL_EXPRESSIONS: Record<keyof StorageConfig['ttlDays'], { table: string; time: string }> = {
  calls: { table: 'calls', time: 'toDateTime(end)' },
  windows: { table: 'windows', time: 'end' },
  paths: { table: 'paths', time: 'end' },
  findings: { table: 'findings', time: 'toDateTime(window_end)' },
  incidents: { table: 'incidents', time: 'toDateTime(opened_at)' },
  notifications: { table: 'notifications', time: 'toDateTime(at)' },
  audit: { table: 'audit', time: 'toDateTime(at)' },
  rejected: { table: 'rejected', time: 'toDateTime(received)' },
  traces: { table: 'otel_traces', time: 'toDateTime(Timestamp)' },
}

/** Sets the days of each table where they differ from the configuration. Parts follow as they are merged. */
export async function applyTtl(store: Store, ttlDays: StorageConfig['ttlDays']): Promise<string[]> {
  const rows = await store.rows<{ name: string; engine_full: string }>(
    "SELECT name, engine_full FROM system.tables WHERE database = 'eastwatch'",
  )
  const changed: string[] = []
  for (const [key, { table, time }] of Object.entries(TTL_EXPRESSIONS)) {
    const days = ttlDays[key as keyof typeof ttlDays]
    const engine = rows.find((row) => row.name === table)?.engine_full ?? ''
    if (engine.includes(` + toIntervalDay(${days})`)) continue
    await store.command(
      `ALTER TABLE eastwatch.${table} MODIFY TTL ${time} + toIntervalDay(${days}) SETTINGS materialize_ttl_after_modify = 0`,
    )
    changed.push(table)
  }
  return changed
}

/** Drops the oldest hours of calls until the store is within `maxBytes`; never the newest hour. Returns what it dropped. */
export async function enforceMaxBytes(store: Store, maxBytes: number, logger: Logger): Promise<string[]> {
  const [total] = await store.rows<{ bytes: number | string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE database = 'eastwatch' AND active",
  )
  let bytes = Number(total?.bytes ?? 0)
  size(bytes)
  if (bytes <= maxBytes) return []
  const hours = await store.rows<{ id: string; hour: string; bytes: number | string; rows: number | string }>(
    `SELECT partition_id AS id, any(partition) AS hour, sum(bytes_on_disk) AS bytes, sum(rows) AS rows
     FROM system.parts WHERE database = 'eastwatch' AND table = 'calls' AND active
     GROUP BY partition_id ORDER BY partition_id`,
  )
  const gone: string[] = []
  for (const { id, hour, ...part } of hours.slice(0, -1)) {
    if (bytes <= maxBytes) break
    await store.command(`ALTER TABLE eastwatch.calls DROP PARTITION ID '${id.replace(/\W/g, '')}'`)
    bytes -= Number(part.bytes)
    dropped(Number(part.bytes))
    gone.push(id)
    logger.warn({ hour, rows: Number(part.rows), maxBytes }, 'the store is full: the oldest hour of calls was dropped')
  }
  if (bytes > maxBytes)
    logger.error({ bytes, maxBytes }, 'the store is over storage.maxBytes and has no old calls left')
  return gone
}
