import { parseArgs } from 'node:util'
import { systemClock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { createLogger, type Logger } from '../../core/logger.ts'
import type { Command } from '../command.ts'
import { readConfig } from '../config.ts'
import { type Pipeline, startPipeline } from '../pipeline.ts'

export const upCommand: Command = {
  name: 'up',
  usage: '[--config FILE]',
  summary: 'runs the whole pipeline in one process',
  async run(args, around) {
    const { values } = parseArgs({ args, options: { config: { type: 'string', short: 'c' } } })
    const config = readConfig(values.config, around)
    const logger = createLogger(config.logLevel)
    const pipeline = await startPipeline({ config, clock: systemClock, ticking: true, logger }, around.signal)
    around.onHangUp(() => reloadPolicy(pipeline, logger))
    around.out(welcome(pipeline, config.dataFolder, config.alerts.receivers.length))
    await pipeline.stopped
    return 0
  },
}

/** Of the configuration only the declared objects are read anew while the program runs; the rest needs a restart. */
function reloadPolicy({ policyFolder, reloadPolicy }: Pipeline, logger: Logger): void {
  try {
    reloadPolicy()
    logger.info({ policyFolder }, 'policy was read anew; other settings need a restart')
  } catch (error) {
    logger.error({ error: messageOf(error) }, 'policy could not be read anew; the one before stays in force')
  }
}

function welcome({ ports, policyFolder }: Pipeline, folder: string, receivers: number): string {
  return [
    'Eastwatch is up.',
    '',
    `  Send access logs to   127.0.0.1:${ports.grpc} (OTLP gRPC) or http://127.0.0.1:${ports.http} (OTLP HTTP)`,
    '                        what to paste: docs/connect-envoy.md, docs/connect-istio.md',
    `  Declared objects      ${policyFolder}`,
    `  Incidents go to       ${receivers === 0 ? 'nobody yet; name a receiver: docs/alerts.md' : `${receivers} receiver${receivers === 1 ? '' : 's'}`}`,
    '  Ask anything          eastwatch query "SELECT detector, severity, summary FROM incidents FINAL"',
    '  What can it see       eastwatch doctor',
    `  Health and metrics    http://127.0.0.1:${ports.health}/readyz, /metrics`,
    `  ClickHouse            http://127.0.0.1:${ports.clickhouse} (user eastwatch_reader)`,
    `  Data                  ${folder}`,
    '',
    'Ctrl-C stops it; nothing that was acknowledged is lost.',
    '',
  ].join('\n')
}
