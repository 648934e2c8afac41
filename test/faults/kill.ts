/** kill -9 of one process of each of these roles at once, and a new start on the same folders. */
import type { PipelineRole } from '../../cli/roles/role.ts'
import { among } from './among.ts'
import type { Fault } from './fault.ts'

export function kill(...roles: readonly PipelineRole[]): Fault {
  return {
    name: `kill -9 of ${roles.join(', ')}`,
    kills: roles.length,
    async inject({ fleet }, choice) {
      const deaths = roles.map(async (role) => {
        const processes = await fleet.processes(role)
        await fleet.kill(role, processes.indexOf(among(processes, choice)))
      })
      await Promise.all(deaths)
    },
  }
}
