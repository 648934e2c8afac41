import { expect } from 'vitest'
import type { StoreFront } from './store-front.ts'

/** So many more requests than when it is asked: each kind of harm has hit each of several sinks. */
const REQUESTS = 9

/** Resolves when the fault has hit somebody. */
export async function harmed(store: StoreFront): Promise<void> {
  const before = store.harmed
  await expect.poll(() => store.harmed - before, { timeout: 60_000 }).toBeGreaterThanOrEqual(REQUESTS)
}
