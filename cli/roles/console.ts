/** Console: the page and the API, for people. It keeps nothing of its own. */

import { consoleUrl } from '../../dashboards/console/config.ts'
import { serveConsole } from '../../dashboards/console/server.ts'
import { connectReader } from '../../storage/query.ts'
import { serverOf } from '../../storage/start.ts'
import { VERSION } from '../version.ts'
import type { RoleContext, RunningRole } from './role.ts'

export interface ConsoleRole extends RunningRole {
  url: string
}

/** `store`: address of the embedded engine, where no server is configured. */
export async function startConsoleRole(
  { config, bus, clock, health, logger }: RoleContext,
  store: string | undefined,
): Promise<ConsoleRole> {
  const reader = connectReader(config.storage, serverOf(config.storage) ?? { url: store! })
  const context = { store: reader, bus, health: () => health.read(), now: () => clock.now() }
  const server = await serveConsole({ config: config.console, context, version: VERSION, logger })
  const url = consoleUrl(config.console, server.port)
  health.register('console', () => ({ ready: true, detail: `serves ${url}` }))
  const ended = new Promise<void>(() => {
    // It ends when it is told to.
  })
  return {
    url,
    ended,
    async stop() {
      await server.stop()
      await reader.close()
    },
  }
}
