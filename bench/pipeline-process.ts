/** Child: the whole pipeline on the defaults, on free ports, in the folder given. */
import { EastwatchConfig } from '../cli/config.ts'
import { startPipeline } from '../cli/pipeline.ts'
import { systemClock } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { serve } from './child.ts'

const FREE = '127.0.0.1:0'
const config = EastwatchConfig.parse({
  dataFolder: process.argv[2]!,
  collector: { grpcAddress: FREE, httpAddress: FREE },
  storage: { port: 0 },
  console: { address: FREE },
  telemetry: { address: FREE },
})
const stop = new AbortController()
const logger = createLogger('error')
const pipeline = await startPipeline({ config, clock: systemClock, ticking: true, logger }, stop.signal)
serve(
  { port: pipeline.ports.grpc, healthPort: pipeline.ports.health, storePid: pipeline.storePid() },
  { lag: () => pipeline.lag() },
  async () => {
    stop.abort()
    await pipeline.stopped
  },
)
