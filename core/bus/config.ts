import { z } from 'zod'
import { KafkaBusConfig } from './kafka/config.ts'
import { LocalBusConfig } from './local/config.ts'

export const BusConfig = z.strictObject({
  ...LocalBusConfig.shape,
  kafka: KafkaBusConfig.optional().describe(
    'Kafka in place of the embedded log; `maxBytes` and `durability` are then for the brokers to say.',
  ),
})
export type BusConfig = z.output<typeof BusConfig>
