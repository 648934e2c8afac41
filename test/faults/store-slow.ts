/** Each request to ClickHouse takes far longer than it should. */
import type { Fault } from './fault.ts'
import { harmed } from './harmed.ts'

const DELAY_MS = 800

export const storeSlow: Fault = {
  name: 'store is slow',
  inject: async ({ store }) => store.delay(DELAY_MS),
  async heal({ store }) {
    await harmed(store)
    store.pass()
  },
  stretches: 5,
}
