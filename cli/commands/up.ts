import { parseArgs } from 'node:util'
import { counted } from '../../alerts/words.ts'
import { systemClock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { createLogger, type Logger } from '../../core/logger.ts'
import type { Run, Surroundings } from '../command.ts'
import { type EastwatchConfig, readConfig } from '../config.ts'
import { type Pipeline, startPipeline } from '../pipeline.ts'
import { StartProgress } from '../progress.ts'

export const run: Run = async (args, around) => {
  const { values } = parseArgs({ args, options: { config: { type: 'string', short: 'c' } } })
  const config = readConfig(values.config, around)
  const logger = createLogger(config.logLevel)
  const progress = new StartProgress(around)
  let pipeline: Pipeline
  try {
    pipeline = await startPipeline(
      { config, clock: systemClock, ticking: true, logger, onPhase: (phase) => progress.enter(phase) },
      around.signal,
    )
  } catch (error) {
    if (error !== around.signal.reason) throw error
    around.out('Stopped before it was up.\n')
    return 0
  } finally {
    progress.end()
  }
  around.onHangUp(() => void reloadPolicy(pipeline, logger))
  around.out(welcome(pipeline, config, commandLine(around, values.config)))
  around.signal.addEventListener('abort', () => around.out('\nStopping. What was acknowledged is being stored.\n'))
  await pipeline.stopped
  return 0
}

/** Of the configuration only the declared objects are read anew while the program runs; the rest needs a restart. */
async function reloadPolicy({ policyFolder, reloadPolicy }: Pipeline, logger: Logger): Promise<void> {
  try {
    await reloadPolicy()
    logger.info({ policyFolder }, 'policy was read anew; other settings need a restart')
  } catch (error) {
    logger.error({ error: messageOf(error) }, 'policy could not be read anew; the one before stays in force')
  }
}

/** How whoever started this calls the other commands: with this configuration, and by npm where npm started it. */
function commandLine({ env }: Surroundings, file: string | undefined): (command: string) => string {
  const program = env.npm_command === undefined ? 'eastwatch' : 'npx eastwatch'
  return (command) => `${program} ${command}${file === undefined ? '' : ` --config ${file}`}`
}

function welcome(
  { ports, policyFolder }: Pipeline,
  { dataFolder, alerts: { receivers } }: EastwatchConfig,
  call: (command: string) => string,
): string {
  const incidents = 'query "SELECT detector, severity, summary FROM incidents FINAL"'
  return [
    'Eastwatch is up.',
    '',
    `  Send access logs to   127.0.0.1:${ports.grpc} (OTLP gRPC) or http://127.0.0.1:${ports.http} (OTLP HTTP)`,
    '                        what to paste: docs/connect-envoy.md, docs/connect-istio.md',
    `  Declared objects      ${policyFolder}`,
    `  Incidents go to       ${receivers.length === 0 ? 'nobody yet; name a receiver: docs/alerts.md' : counted(receivers.length, 'receivers')}`,
    `  Ask anything          ${call(incidents)}`,
    `  What can it see       ${call('doctor')}`,
    `  Health and metrics    http://127.0.0.1:${ports.health}/readyz, /metrics`,
    `  ClickHouse            http://127.0.0.1:${ports.clickhouse} (user eastwatch_reader)`,
    `  Data                  ${dataFolder}`,
    '',
    'Ctrl-C stops it; nothing that was acknowledged is lost.',
    '',
  ].join('\n')
}
