/** The one configuration file: each part's own schema under its own key. */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { AlertsConfig } from '../alerts/config.ts'
import { CollectorConfig } from '../collector/config.ts'
import { kafkaSourceInput } from '../collector/kafka/config.ts'
import { BusConfig } from '../core/bus/config.ts'
import { loadConfigFile } from '../core/config/load.ts'
import { serverTlsProblems } from '../core/config/pem.ts'
import { TelemetryConfig } from '../core/telemetry/config.ts'
import { ConsoleConfig } from '../dashboards/console/config.ts'
import { DetectorsConfig } from '../detectors/config.ts'
import { PolicyConfig } from '../policy/config.ts'
import { StorageConfig } from '../storage/config.ts'
import type { Surroundings } from './command.ts'

const Parts = z.strictObject({
  dataFolder: z
    .string()
    .default('eastwatch-data')
    .describe('Where everything is kept. Relative to the folder of the configuration file, or to the current one.'),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe("Least severity of Eastwatch's own log lines on standard error."),
  bus: BusConfig.prefault({}),
  collector: CollectorConfig.prefault({}),
  policy: PolicyConfig.prefault({}),
  detectors: DetectorsConfig.prefault({}),
  storage: StorageConfig.prefault({}),
  alerts: AlertsConfig.prefault({}),
  console: ConsoleConfig.prefault({}),
  telemetry: TelemetryConfig.prefault({}),
})
export const EastwatchConfig = Parts.superRefine(({ bus, collector: { tls, kafka } }, context) => {
  for (const { key, message } of tls === undefined ? [] : serverTlsProblems(tls)) {
    context.addIssue({ code: 'custom', path: ['collector', 'tls', key], message })
  }
  if (kafka !== undefined && kafkaSourceInput(kafka, bus.kafka) === undefined) {
    const message = 'name the brokers of the Kafka to read: here, or as bus.kafka'
    context.addIssue({ code: 'custom', path: ['collector', 'kafka', 'brokers'], message })
  }
})
export type EastwatchConfig = z.output<typeof EastwatchConfig>

const DEFAULT_FILE = 'eastwatch.yaml'

/** The file named, else `eastwatch.yaml` in the current folder where there is one, else the defaults. */
export function readConfig(file: string | undefined, { env }: Pick<Surroundings, 'env'>): EastwatchConfig {
  const path = resolve(file ?? DEFAULT_FILE)
  if (file === undefined && !existsSync(path)) return withFolder(EastwatchConfig.parse({}), process.cwd())
  const folder = dirname(path)
  return withFolder(loadConfigFile(path, EastwatchConfig, { env, folder }), folder)
}

function withFolder(config: EastwatchConfig, base: string): EastwatchConfig {
  return { ...config, dataFolder: resolve(base, config.dataFolder) }
}
