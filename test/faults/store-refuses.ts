/** ClickHouse refuses, hangs up, or does what it was asked and its answer is lost. */
import type { Fault } from './fault.ts'
import { harmed } from './harmed.ts'

export const storeRefuses: Fault = {
  name: 'store refuses',
  inject: async ({ store }) => store.refuse(),
  async heal({ store }) {
    await harmed(store)
    store.pass()
  },
  stretches: 3,
}
