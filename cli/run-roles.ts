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
import { STOP_MS } from './roles/stops.ts'

/** What a stop has given up may hold the process for long: a connection that nobody answers on. */
const LEFT_MS = 1000
/** A stop ends by itself before (roles/stops.ts), but it begins only between two phases of a start. Kubernetes kills after 30 s. */
const LAST_MS = STOP_MS + 2000

export interface Welcome {
  running: RunningRoles
  config: EastwatchConfig
  /** How whoever started this calls another command, with this configuration. */
  call(command: string): string
}

export async function runRoles(...given: Parameters<typeof run>): Promise<ExitCode> {
  try {
    return await run(...given)
  } finally {
    setTimeout(() => process.exit(), LEFT_MS).unref()
  }
}

async function run(
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
  around.signal.addEventListener('abort', () => setTimeout(() => giveUp(logger), LAST_MS).unref())
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

function giveUp(logger: Logger): never {
  logger.error({}, `it has not stopped within ${LAST_MS / 1000} s, and ends as it is`)
  process.exit(1)
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
