import { z } from 'zod'
import { credentialFields, refuseTwoCredentials } from './credentials.ts'
import { reachFields, refuseForbiddenAddress, Url } from './endpoint.ts'
import { receiverFields } from './receiver.ts'

export const AlertmanagerConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('alertmanager').describe('How it is told: a Prometheus Alertmanager, by its API v2.'),
    url: Url.describe(
      'Address of the Alertmanager, such as http://alertmanager:9093, with its route prefix if it has one.',
    ),
    repeatSeconds: z
      .number()
      .int()
      .min(10)
      .max(3_600)
      .default(60)
      .describe(
        'How often it is told again what is still open. An alert that it hears nothing of for three times as long, it resolves.',
      ),
    ...credentialFields,
    ...reachFields,
  })
  .superRefine((config, context) => {
    refuseForbiddenAddress(config, context)
    refuseTwoCredentials(config, context)
  })
export type AlertmanagerConfig = z.output<typeof AlertmanagerConfig>
