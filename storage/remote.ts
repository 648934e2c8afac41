/** A ClickHouse server or cluster as the store: nothing to start, only to reach. */
import { messageOf, PipelineError } from '../core/errors.ts'
import type { Check } from '../core/telemetry/health.ts'
import { connectStore, type StoreAddress } from './clickhouse.ts'
import type { RunningStore } from './running-store.ts'

const CHECK_MS = 5_000

/**
 * Rejects with `config` where the server is there and this program will not get in: wrong password, certificate not trusted. One
 * that does not answer is no reason: whoever uses it tries again, and `check` tells.
 */
export async function reachStore(address: StoreAddress): Promise<RunningStore> {
  const probe = connectStore(address, CHECK_MS)
  const ask = () => probe.rows('SELECT 1')
  try {
    await ask()
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code === 'config') {
      await probe.close()
      throw error
    }
  }
  return {
    ...address,
    failed: new Promise<never>(() => {}),
    check: (): Promise<Check> =>
      ask().then(
        () => ({ ready: true, detail: `${address.url} answers` }),
        (error: unknown) => ({ ready: false, detail: `${address.url}: ${messageOf(error)}` }),
      ),
    stop: () => probe.close(),
  }
}
