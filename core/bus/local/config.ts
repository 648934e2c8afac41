import { z } from 'zod'

export const LocalBusConfig = z.strictObject({
  maxBytes: z
    .number()
    .int()
    .min(16 * 1024 * 1024)
    .default(8 * 1024 ** 3)
    .describe(
      'Most bytes the embedded log may hold on disk. Past it, or when a reader is 80 % of it behind, senders wait.',
    ),
  durability: z
    .enum(['process', 'power'])
    .default('process')
    .describe(
      'What an acknowledged record survives: the death of the process (fast), or also a power cut (each commit waits for the disk).',
    ),
  partitions: z
    .number()
    .int()
    .min(1)
    .max(256)
    .default(1)
    .describe('Partitions of each topic; fixed when the log is made.'),
})
export type LocalBusConfig = z.output<typeof LocalBusConfig>
