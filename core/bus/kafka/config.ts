import { z } from 'zod'
import { ConnectionKeys, checkConnection } from './connection.ts'

export const KafkaBusConfig = z
  .strictObject({
    ...ConnectionKeys,
    prefix: z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9._-]*$/, 'may hold letters, digits, dots, dashes and underscores')
      .default('')
      .describe(
        "What the names of all topics and groups begin with, where one Kafka serves more than Eastwatch's one mesh.",
      ),
    replicationFactor: z
      .number()
      .int()
      .min(1)
      .max(32)
      .default(3)
      .describe('Replicas of the topics that Eastwatch makes; 1 where there is one broker.'),
    sessionTimeoutMs: z
      .number()
      .int()
      .min(6000)
      .max(300_000)
      .default(10_000)
      .describe('How long a process may be silent before its partitions go to others. Within what the brokers allow.'),
  })
  .superRefine(checkConnection)
export type KafkaBusConfig = z.output<typeof KafkaBusConfig>
