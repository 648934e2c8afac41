/** Runs roles until they are told to stop: what `eastwatch up` and the commands of single roles share. */
import { parseArgs } from 'node:util'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { createLogger, type Logger } from '../core/logger.ts'
import type { ExitCode, Surroundings } from './command.ts'
import { type EastwatchConfig, readConfig } from './config.ts'
import { StartProgress } from './progress.ts'
import type { RoleName } from './roles/role.ts'
import { type RunningRoles, startRoles } from './roles/start.ts'

export interface Welcome {
  running: RunningRoles
  config: EastwatchConfig
  /** How whoever started this calls another command, with this configuration. */
  call(command: string): string
}

export async function runRoles(
  args: string[],
  around: Surroundings,
  roles: readonly RoleName[],
  welcome: (given: Welcome) => string,
): Promise<ExitCode> {
  const { values } = parseArgs({ args, options: { config: { type: 'string', short: 'c' } } })
  const config = readConfig(values.config, around)
  const logger = createLogger(config.logLevel)
  const progress = new StartProgress(around)
  const onPhase = (phase: string) => progress.enter(phase)
  let running: RunningRoles
  try {
    running = await startRoles({ config, roles, clock: systemClock, ticking: true, logger, onPhase }, around.signal)
  } catch (error) {
    if (error !== around.signal.reason) throw error
    around.out('Stopped before it was up.\n')
    return 0
  } finally {
    progress.end()
  }
  around.onHangUp(() => void reloadPolicy(running, logger))
  around.out(welcome({ running, config, call: commandLine(around, values.config) }))
  around.signal.addEventListener('abort', () => around.out('\nStopping. What was acknowledged is being stored.\n'))
  await running.stopped
  return 0
}

/** Of the configuration only the declared objects are read anew while the program runs; the rest needs a restart. */
async function reloadPolicy({ policyFolder, collector }: RunningRoles, logger: Logger): Promise<void> {
  try {
    if (collector === undefined) {
      logger.info(
        {},
        'there is nothing to read anew here: the collector alone reads policy, other settings need a restart',
      )
      return
    }
    await collector.reloadPolicy()
    logger.info({ policyFolder }, 'policy was read anew; other settings need a restart')
  } catch (error) {
    logger.error({ error: messageOf(error) }, 'policy could not be read anew; the one before stays in force')
  }
}

/** By npm where npm started it. */
function commandLine({ env }: Surroundings, file: string | undefined): (command: string) => string {
  const program = env.npm_command === undefined ? 'eastwatch' : 'npx eastwatch'
  return (command) => `${program} ${command}${file === undefined ? '' : ` --config ${file}`}`
}
