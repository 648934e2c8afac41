/**
 * The network is gone, for longer than a session lasts, and comes back: packets are lost and no connection is told of it. The network is
 * that of a namespace that the test has to itself.
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import { SESSION_MS } from './site.ts'

const set = (state: 'up' | 'down') => void execFileSync('ip', ['link', 'set', 'lo', state])

export const networkCut: Fault = {
  name: 'network cut',
  inject: async () => set('down'),
  async heal() {
    await delay(SESSION_MS + 2000)
    set('up')
  },
}
