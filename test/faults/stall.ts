/**
 * A process of a role stands still for longer than a session lasts, and goes on: others have its partitions by then, and it does not
 * know. Nothing of what it held may count.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { PipelineRole } from '../../cli/roles/role.ts'
import { among } from './among.ts'
import type { Fault } from './fault.ts'
import { SESSION_MS } from './site.ts'

export function stall(role: PipelineRole): Fault {
  return {
    name: `stall ${role}`,
    async inject({ fleet }, choice) {
      among(await fleet.processes(role), choice).pause()
    },
    async heal({ fleet }, choice) {
      await delay(SESSION_MS + 2000)
      among(await fleet.processes(role), choice).resume()
    },
  }
}
