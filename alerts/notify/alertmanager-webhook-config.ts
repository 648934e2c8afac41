import { z } from 'zod'
import { postedFields, refuseUnusable } from './posted.ts'
import { receiverFields } from './receiver.ts'

export const AlertmanagerWebhookConfig = z
  .strictObject({
    ...receiverFields,
    type: z
      .literal('alertmanager_webhook')
      .describe("How it is told: as Alertmanager's webhook would tell it, payload version 4."),
    ...postedFields,
  })
  .superRefine(refuseUnusable)
export type AlertmanagerWebhookConfig = z.output<typeof AlertmanagerWebhookConfig>
