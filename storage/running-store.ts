import type { Check } from '../core/telemetry/health.ts'
import type { StoreAddress } from './clickhouse.ts'

/** A store that this process uses: the embedded engine it has started, or a server that is there by itself. */
export interface RunningStore extends StoreAddress {
  /** Whether it does its work now. */
  check(): Promise<Check>
  /** Rejects when it cannot be kept running. */
  failed: Promise<never>
  stop(): Promise<void>
  /** Process id of the embedded engine; undefined between a crash and the restart. */
  pid?(): number | undefined
  /** Times that the embedded engine was started again. */
  restarts?(): number
}
