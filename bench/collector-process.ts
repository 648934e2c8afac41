/** Child: the collector alone, on the embedded log in the folder given. */
import { join } from 'node:path'
import { startCollector } from '../collector/app.ts'
import { CollectorConfig } from '../collector/config.ts'
import { createAnnotator } from '../collector/naming/annotate.ts'
import { envoySource } from '../collector/sources/envoy.ts'
import { LocalBusConfig } from '../core/bus/local/config.ts'
import { openLocalBus } from '../core/bus/local/local-bus.ts'
import { topicSpecs } from '../core/bus/topics.ts'
import { systemClock } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import { PolicyConfig } from '../policy/config.ts'
import { loadSnapshot } from '../policy/snapshot.ts'
import { serve } from './child.ts'

const dataFolder = process.argv[2]!
const logger = createLogger('error')
const busConfig = LocalBusConfig.parse({})
const policy = PolicyConfig.parse({})
const bus = await openLocalBus({
  folder: join(dataFolder, 'bus'),
  topics: topicSpecs(busConfig.partitions),
  config: busConfig,
  logger,
})
const { snapshot } = loadSnapshot(join(dataFolder, policy.folder), policy)
const stop = new AbortController()
const collector = await startCollector(
  {
    config: CollectorConfig.parse({ grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' }),
    dataFolder,
    bus,
    clock: systemClock,
    ticking: true,
    sources: [envoySource],
    annotator: createAnnotator(() => snapshot),
    logger,
  },
  stop.signal,
)
serve(
  { port: collector.ports.grpc },
  {
    usage: () => ({ cpu: process.cpuUsage(), calls: collector.counts().calls, rejected: collector.counts().rejected }),
  },
  async () => {
    stop.abort()
    await collector.stopped
    await bus.close()
  },
)
