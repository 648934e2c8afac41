/** The broker stands still: connections stay, nothing is answered. Longer than a session lasts, and than anybody waits for an answer. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'

export function brokerPause(seconds: number): Fault {
  return {
    name: `broker pause of ${seconds} s`,
    inject: async ({ broker }) => broker.pause(),
    async heal({ broker }) {
      await delay(seconds * 1000)
      broker.resume()
    },
  }
}
