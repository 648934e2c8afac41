/** The bus that the configuration names. */
import { join } from 'node:path'
import type { Logger } from '../logger.ts'
import type { Bus, RequiredGroup } from './bus.ts'
import type { BusConfig } from './config.ts'
import { reachOf } from './kafka/client.ts'
import { openKafkaBus } from './kafka/kafka-bus.ts'
import { openLocalBus } from './local/local-bus.ts'
import { topicSpecs } from './topics.ts'

export interface OpenBusOptions {
  config: BusConfig
  dataFolder: string
  requiredGroups: readonly RequiredGroup[]
  logger: Logger
}

/** Throws `folder_unusable`, `config` for another number of partitions, or `bus_unavailable` where Kafka does not answer. */
export function openBus({ config, dataFolder, requiredGroups, logger }: OpenBusOptions): Promise<Bus> {
  const topics = topicSpecs(config.partitions)
  if (config.kafka === undefined) {
    return openLocalBus({ folder: join(dataFolder, 'bus'), topics, config, requiredGroups, logger })
  }
  const { prefix, replicationFactor, sessionTimeoutMs } = config.kafka
  const kafka = { prefix, replicationFactor, sessionTimeoutMs }
  const reach = reachOf(config.kafka)
  return openKafkaBus({ ...kafka, reach, folder: join(dataFolder, 'state'), topics, requiredGroups, logger })
}
