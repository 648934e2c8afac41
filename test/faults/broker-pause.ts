/** The broker stands still: connections stay, nothing is answered. Longer than a session lasts, and than anybody waits for an answer. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'

export function brokerPause(ms: number): Fault {
  return {
    name: `broker pause of ${ms / 1000} s`,
    inject: async ({ broker }) => broker.pause(),
    async heal({ broker }) {
      await delay(ms)
      broker.resume()
    },
  }
}
