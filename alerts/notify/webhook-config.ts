import { z } from 'zod'
import { endpointFields, refuseForbiddenAddress } from './endpoint.ts'
import { receiverFields } from './receiver.ts'

export const WebhookConfig = z
  .strictObject({
    ...receiverFields,
    type: z.literal('webhook').describe('How it is told: a signed webhook.'),
    ...endpointFields,
  })
  .superRefine((config, context) => refuseForbiddenAddress(config, context))
export type WebhookConfig = z.output<typeof WebhookConfig>
