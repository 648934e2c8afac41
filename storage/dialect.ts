/**
 * Statements are written for one server. For a cluster they are rendered here: made on every replica, with engines that replicate.
 * Only what this program writes itself is rendered, so its own way of writing is all that is understood (a test reads it).
 */
import type { ClickHouseSettings } from '@clickhouse/client'

/**
 * Tokens of inserts stay known for a week in ClickHouse Keeper (the server's default is an hour), within the number of inserts that
 * the table names: a sink that was held up for long still inserts nothing twice.
 */
const WINDOW_SECONDS = 7 * 24 * 3600

/** `cluster` undefined: as it is. */
export function render(statement: string, cluster: string | undefined): string {
  if (cluster === undefined) return statement
  const target = /^(CREATE DATABASE IF NOT EXISTS|(?:CREATE|DROP) TABLE IF (?:NOT )?EXISTS|ALTER TABLE) ([a-z_.]+)/m
  return statement
    .replace(target, `$1 $2 ON CLUSTER '${cluster}'`)
    .replace(/\bENGINE = ([A-Za-z]*MergeTree)\b/, 'ENGINE = Replicated$1')
    .replace(
      /\bnon_replicated_deduplication_window = (\d+)/,
      `replicated_deduplication_window = $1, replicated_deduplication_window_seconds = ${WINDOW_SECONDS}`,
    )
}

/** Settings of every request. Why: docs/decisions/016-clickhouse-server.md. */
export function requestSettings(cluster: string | undefined): ClickHouseSettings {
  // The sinks gather batches themselves, and a token names one of them: it must not be joined with others.
  const always: ClickHouseSettings = { async_insert: 0 }
  if (cluster === undefined) return always
  return {
    ...always,
    // Acknowledged is what a majority of the replicas has; past the time the insert is repeated with the same token.
    insert_quorum: 'auto',
    insert_quorum_timeout: 60_000,
    // A replica that is down does what was decided without it once it is back.
    distributed_ddl_task_timeout: '30',
    distributed_ddl_output_mode: 'null_status_on_timeout',
  }
}
